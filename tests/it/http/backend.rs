//! A server of HTTP, with TLS or without, that answers what a test wants, and remembers what it heard.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::harness::PATIENCE;

/// A request, and the number of the connection on which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) connection: usize,
    /// Where a PROXY header of version 1 came before TLS, it stands before the first head.
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
    /// Answers, and closes; in TLS with close_notify.
    Last(Vec<u8>),
    /// Answers, and closes the connection without a word, also in TLS.
    Silent(Vec<u8>),
    /// Answers, and then says in TLS what belongs to no answer: that its key changes.
    Rekeyed(Vec<u8>),
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

/// What it is besides what it says.
#[derive(Clone, Default)]
struct Manners {
    /// Heads are answered as soon as they are whole, else with their bodies.
    is_early: bool,
    tls: Option<Arc<ServerConfig>>,
}

impl Manners {
    fn of_tls(config: &Arc<ServerConfig>) -> Self {
        Self {
            is_early: false,
            tls: Some(Arc::clone(config)),
        }
    }
}

impl Backend {
    fn run(manners: Manners, say: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (say, known) = (Arc::new(say), Arc::clone(&heard));
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let (say, known) = (Arc::clone(&say), Arc::clone(&known));
                let manners = manners.clone();
                std::thread::spawn(move || {
                    let client = client.unwrap();
                    client.set_read_timeout(Some(PATIENCE)).ok()?;
                    client.set_nodelay(true).ok()?;
                    let is_early = manners.is_early;
                    let Some(config) = manners.tls else {
                        return serve(client, number, String::new(), is_early, &*say, &known);
                    };
                    let told = introduction(&client)?;
                    let server = ServerConnection::new(config).ok()?;
                    let client = StreamOwned::new(server, client);
                    serve(client, number, told, is_early, &*say, &known)
                });
            }
        });
        Self { address, heard }
    }

    pub(crate) fn start(say: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        Self::run(Manners::default(), say)
    }

    /// One that does not wait for the bodies of requests.
    pub(crate) fn early(say: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        let manners = Manners {
            is_early: true,
            ..Manners::default()
        };
        Self::run(manners, say)
    }

    /// One that speaks TLS.
    pub(crate) fn secure(
        config: &Arc<ServerConfig>,
        say: impl Fn(&Heard) -> Say + Send + Sync + 'static,
    ) -> Self {
        Self::run(Manners::of_tls(config), say)
    }

    /// One that speaks TLS, and does not wait for the bodies of requests.
    pub(crate) fn secure_and_early(
        config: &Arc<ServerConfig>,
        say: impl Fn(&Heard) -> Say + Send + Sync + 'static,
    ) -> Self {
        let manners = Manners {
            is_early: true,
            ..Manners::of_tls(config)
        };
        Self::run(manners, say)
    }

    /// One that always answers the same.
    pub(crate) fn saying(bytes: Vec<u8>) -> Self {
        Self::start(move |_| Say::Bytes(bytes.clone()))
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// A connection, with TLS or without.
trait Line: Read + Write {
    fn socket(&self) -> &TcpStream;
    /// Says that nothing follows.
    fn finish(&mut self);
    /// Says what no request has asked for.
    fn rekey(&mut self);
}

impl Line for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    fn finish(&mut self) {}

    fn rekey(&mut self) {}
}

impl Line for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    fn finish(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }

    fn rekey(&mut self) {
        let _ = self.conn.refresh_traffic_keys();
        let _ = self.flush();
    }
}

/// Reads the PROXY header that comes before TLS, if one does.
fn introduction(mut client: &TcpStream) -> Option<String> {
    let mut told = String::new();
    let mut byte = [0];
    client.peek(&mut byte).ok()?;
    if byte != *b"P" {
        return Some(told);
    }
    while !told.ends_with("\r\n") {
        client.read_exact(&mut byte).ok()?;
        told.push(byte[0].into());
    }
    Some(told)
}

fn serve(
    client: impl Line,
    connection: usize,
    mut told: String,
    is_early: bool,
    say: &dyn Fn(&Heard) -> Say,
    known: &Mutex<Vec<Heard>>,
) -> Option<()> {
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
            head: std::mem::take(&mut told) + &head,
            body,
        };
        known.lock().unwrap().push(heard.clone());
        let said = say(&heard);
        let writer = reader.get_mut();
        match said {
            Say::Bytes(bytes) => write(writer, &bytes)?,
            Say::Last(bytes) => {
                write(writer, &bytes)?;
                writer.finish();
                return writer.socket().shutdown(Shutdown::Both).ok();
            }
            Say::Silent(bytes) => {
                write(writer, &bytes)?;
                return writer.socket().shutdown(Shutdown::Both).ok();
            }
            Say::Rekeyed(bytes) => {
                write(writer, &bytes)?;
                writer.rekey();
            }
            Say::Echo(bytes) => {
                write(writer, &bytes)?;
                echo(&mut reader)?;
                reader.get_mut().finish();
                return reader.get_ref().socket().shutdown(Shutdown::Write).ok();
            }
            Say::Reset => {
                let socket = socket2::SockRef::from(writer.socket());
                return socket.set_linger(Some(Duration::ZERO)).ok();
            }
        }
    }
}

fn write(writer: &mut impl Write, bytes: &[u8]) -> Option<()> {
    writer.write_all(bytes).ok()?;
    writer.flush().ok()
}

/// Sends back all that comes.
fn echo(reader: &mut BufReader<impl Line>) -> Option<()> {
    loop {
        let some = reader.fill_buf().ok()?.to_vec();
        if some.is_empty() {
            return Some(());
        }
        reader.consume(some.len());
        write(reader.get_mut(), &some)?;
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
