//! An admin server that answers as it is told, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

/// What is asked (`GET /v1/status`), and the status and the body of the answer.
pub(super) type Line = (&'static str, u16, &'static str);

/// When all answers are given.
const DATE: &str = "Fri, 20 Nov 2026 12:25:10 GMT";

/// A request, as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// `GET /v1/status`.
    pub(super) what: String,
    /// The lines of the head, in lower case.
    pub(super) head: Vec<String>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.iter().find_map(|it| it.strip_prefix(&prefix))
    }
}

/// The server. Its thread ends with the process.
pub(super) struct Scripted {
    /// As `--admin` takes it.
    pub(super) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _folder: Option<TempDir>,
}

impl Scripted {
    /// On a free port.
    pub(super) fn start(script: &'static [Line]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let clients = std::iter::from_fn(move || listener.accept().ok());
        Self::serve(address, None, clients.map(|it| it.0), script)
    }

    /// On a socket in a folder of its own.
    pub(super) fn start_on_unix(script: &'static [Line]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let clients = std::iter::from_fn(move || listener.accept().ok());
        let address = format!("unix:{}", path.display());
        Self::serve(address, Some(folder), clients.map(|it| it.0), script)
    }

    /// What it was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn serve<S: Read + Write>(
        address: String,
        folder: Option<TempDir>,
        clients: impl Iterator<Item = S> + Send + 'static,
        script: &'static [Line],
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut client in clients {
                let request = read(&mut client);
                let answer = answer(script, &request.what);
                seen.lock().unwrap().push(request);
                // A client that has gone is what its own test looks at.
                let _ = client.write_all(answer.as_bytes());
            }
        });
        Self {
            address,
            asked,
            _folder: folder,
        }
    }
}

fn read(client: &mut impl Read) -> Asked {
    let mut reader = BufReader::new(client);
    let mut asked = Asked::default();
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    asked.what = first.trim_end_matches(" HTTP/1.1").to_owned();
    let head = lines.take_while(|line| !line.is_empty());
    asked.head = head.map(|line| line.to_lowercase()).collect();
    let length = asked.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    asked.body = String::from_utf8(body).unwrap();
    asked
}

fn answer(script: &[Line], what: &str) -> String {
    let unknown = (
        what,
        404,
        r#"{"title":"Not Found","detail":"nothing is here"}"#,
    );
    let known = script.iter().copied().find(|line| line.0 == what);
    let (_, status, body) = known.unwrap_or(unknown);
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Reason\r\nDate: {DATE}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
