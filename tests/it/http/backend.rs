//! A server of HTTP that answers what a test wants, and remembers what it heard.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::harness::PATIENCE;

/// A request, and the number of the connection on which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) connection: usize,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|it| it.strip_prefix(&start))
    }
}

/// What it does for a request.
pub(crate) enum Say {
    /// Answers, and waits for the next one.
    Bytes(Vec<u8>),
    /// Answers, and closes.
    Last(Vec<u8>),
    /// Answers, then sends back what it hears.
    Echo(Vec<u8>),
    /// Closes with a reset.
    Reset,
}

/// A running server; it ends with the test's process.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Backend {
    /// Heads are answered as soon as they are whole where `is_early`, else with their bodies.
    fn run(is_early: bool, say: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (say, known) = (Arc::new(say), Arc::clone(&heard));
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let (say, known) = (Arc::clone(&say), Arc::clone(&known));
                std::thread::spawn(move || {
                    serve(&client.unwrap(), number, is_early, &*say, &known)
                });
            }
        });
        Self { address, heard }
    }

    pub(crate) fn start(say: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        Self::run(false, say)
    }

    /// One that does not wait for the bodies of requests.
    pub(crate) fn early(say: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        Self::run(true, say)
    }

    /// One that always answers the same.
    pub(crate) fn saying(bytes: Vec<u8>) -> Self {
        Self::start(move |_| Say::Bytes(bytes.clone()))
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

fn serve(
    client: &TcpStream,
    connection: usize,
    is_early: bool,
    say: &dyn Fn(&Heard) -> Say,
    known: &Mutex<Vec<Heard>>,
) -> Option<()> {
    client.set_read_timeout(Some(PATIENCE)).ok()?;
    client.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(client);
    loop {
        let head = head(&mut reader)?;
        let body = if is_early {
            Vec::new()
        } else {
            body(&head, &mut reader)?
        };
        let heard = Heard {
            connection,
            head,
            body,
        };
        known.lock().unwrap().push(heard.clone());
        let mut writer = client;
        match say(&heard) {
            Say::Bytes(bytes) => writer.write_all(&bytes).ok()?,
            Say::Last(bytes) => {
                writer.write_all(&bytes).ok()?;
                return client.shutdown(Shutdown::Both).ok();
            }
            Say::Echo(bytes) => {
                writer.write_all(&bytes).ok()?;
                std::io::copy(&mut reader, &mut writer).ok()?;
                return client.shutdown(Shutdown::Write).ok();
            }
            Say::Reset => {
                let socket = socket2::SockRef::from(client);
                return socket.set_linger(Some(Duration::ZERO)).ok();
            }
        }
    }
}

fn head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

fn body(head: &str, reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let field = |name: &str| head.lines().find_map(|it| it.strip_prefix(name));
    let mut body = Vec::new();
    if let Some(length) = field("Content-Length: ") {
        reader
            .take(length.parse().ok()?)
            .read_to_end(&mut body)
            .ok()?;
    }
    while field("Transfer-Encoding: chunked").is_some() {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = line.trim().split(';').next()?;
        let size = u64::from_str_radix(size, 16).ok()?;
        reader.take(size).read_to_end(&mut body).ok()?;
        reader.read_line(&mut line).ok()?;
        if size == 0 {
            break;
        }
    }
    Some(body)
}
