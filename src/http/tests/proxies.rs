//! HAProxy and nginx are given what would be sent on, and a server behind each writes down what it
//! gets: the same requests, or fewer where one is refused, and never two for one.
//!
//! Where they are not installed, there is nothing to compare with.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time;

use super::pieces::{conversation, relayed};

/// How many conversations of several requests each is given.
const CONVERSATIONS: usize = 500;

/// How long all of it may take, on a machine under load: a proxy that waits for the rest of a request
/// which it reads in another way waits for seconds, each time.
const PATIENCE: Duration = Duration::from_secs(60);

type Record = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A proxy between the sockets `front` and `back` of a folder.
struct Proxy(Child);

impl Proxy {
    fn start(folder: &Path, name: &str, configuration: &str, arguments: &[&str]) -> Option<Self> {
        let file = folder.join("configuration");
        let text = configuration.replace("FOLDER", folder.to_str().unwrap());
        fs::write(&file, text).unwrap();
        let mut command = Command::new(name);
        command.args(arguments).arg(&file);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().ok().map(Self)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Writes down each request that comes as a whole.
async fn record(listener: UnixListener, seen: Record) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request: Request<Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let (head, body) = request.into_parts();
                if let Ok(body) = body.collect().await {
                    let target = head.uri.to_string();
                    let target = target.strip_prefix("http://a").unwrap_or(&target);
                    let body = body.to_bytes().to_vec();
                    seen.lock()
                        .unwrap()
                        .push((head.method.to_string(), target.to_owned(), body));
                }
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        // A proxy may end a connection as it likes.
        tokio::task::spawn_local(
            http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

/// Gives it these bytes and, after so many answers, an end, and waits until it has closed. With the
/// end at once, HAProxy would answer the first request only.
async fn tell(path: &Path, bytes: &[u8], answers: usize) {
    let mut stream = loop {
        match UnixStream::connect(path).await {
            Ok(stream) => break stream,
            Err(_) => time::sleep(Duration::from_millis(5)).await,
        }
    };
    // One that refuses may close before all is written.
    let _refused = stream.write_all(bytes).await;
    let (mut text, answer) = (Vec::new(), b" 200 OK\r\n");
    while text.windows(answer.len()).filter(|it| it == answer).count() < answers {
        match stream.read_buf(&mut text).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let _closed = stream.shutdown().await;
    let _reset = stream.read_to_end(&mut text).await;
}

/// Compares what a proxy has made of each conversation with what l4lb has.
async fn compare(name: &str, folder: &Path) {
    let seen = Record::default();
    let listener = UnixListener::bind(folder.join("back")).unwrap();
    let recorder = tokio::task::spawn_local(record(listener, Arc::clone(&seen)));
    let mut runner = TestRunner::deterministic();
    let (strategy, front) = (conversation(), folder.join("front"));
    let (mut told, mut agreed) = (0, 0);
    while told < CONVERSATIONS {
        let relayed = relayed(&strategy.new_tree(&mut runner).unwrap().current());
        if relayed.requests.len() < 2 {
            continue;
        }
        told += 1;
        tell(&front, &relayed.bytes, relayed.requests.len()).await;
        let ours = relayed.requests.into_iter().map(|it| {
            let target = it.target.strip_prefix("http://a").unwrap_or(&it.target);
            (it.method, target.to_owned(), it.body)
        });
        let ours: Vec<_> = ours.collect();
        let theirs = std::mem::take(&mut *seen.lock().unwrap());
        let sent = relayed.bytes.escape_ascii();
        assert!(
            ours.starts_with(&theirs),
            "{sent}\n{name}: {theirs:?}\nl4lb: {ours:?}"
        );
        agreed += usize::from(ours == theirs);
    }
    assert!(
        agreed * 10 > told * 9,
        "{name} sees all of {agreed} of {told}"
    );
    recorder.abort();
}

fn compare_with(name: &str, configuration: &str, arguments: &[&str]) {
    let folder = TempDir::new().unwrap();
    let Some(_proxy) = Proxy::start(folder.path(), name, configuration, arguments) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let all = async { time::timeout(PATIENCE, compare(name, folder.path())).await };
    let compared = tokio::task::LocalSet::new().block_on(&runtime, all);
    compared.unwrap_or_else(|_| panic!("{name} waits for what l4lb takes for sent"));
}

#[test]
fn haproxy_never_sees_a_request_as_two() {
    let configuration = "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n\
                         timeout server 5s\n\
                         listen all\n bind unix@FOLDER/front\n server back unix@FOLDER/back\n";
    compare_with("haproxy", configuration, &["-db", "-f"]);
}

#[test]
fn nginx_never_sees_a_request_as_two() {
    let configuration = "daemon off;\nmaster_process off;\npid FOLDER/pid;\nerror_log /dev/null;\n\
                         events {}\nhttp {\n access_log off;\n client_body_temp_path FOLDER/body;\n\
                         proxy_temp_path FOLDER/proxy;\n fastcgi_temp_path FOLDER/fastcgi;\n\
                         uwsgi_temp_path FOLDER/uwsgi;\n scgi_temp_path FOLDER/scgi;\n\
                         server {\n listen unix:FOLDER/front;\n location / {\n\
                         proxy_http_version 1.1;\n proxy_ignore_client_abort on;\n\
                         proxy_pass http://unix:FOLDER/back:;\n }\n }\n}\n";
    compare_with("nginx", configuration, &["-c"]);
}
