//! A backend that follows a script, in threads that end with the test process.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, never};
use socket2::SockRef;

use super::PATIENCE;

pub(super) struct Backend {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Backend {
    /// Plays `script` with every connection, each in a thread of its own, and tells it how many were
    /// before.
    pub(super) fn play<F>(script: F) -> Self
    where
        F: Fn(&mut TcpStream, usize) -> io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (count, script) = (Arc::clone(&accepted), Arc::new(script));
        thread::spawn(move || {
            for client in listener.incoming() {
                let before = count.fetch_add(1, Ordering::SeqCst);
                let (mut client, script) = (client.unwrap(), Arc::clone(&script));
                thread::spawn(move || script(&mut client, before));
            }
        });
        Self { address, accepted }
    }

    /// Accepts, and closes when the client does.
    pub(super) fn quiet() -> Self {
        Self::play(|client, _| client.read_to_end(&mut Vec::new()).map(drop))
    }

    /// Connections so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Waits until there were so many connections.
    #[track_caller]
    pub(super) fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.accepted() < count {
            assert!(Instant::now() < deadline, "{} of {count}", self.accepted());
            thread::yield_now();
        }
    }
}

/// A backend that reads the question, says that it has, and answers when it is told the status.
pub(super) fn confidant() -> (Backend, Receiver<()>, Sender<u16>) {
    let (asked, questions) = channel();
    let (statuses, answers) = channel::<u16>();
    let answers = Mutex::new(answers);
    let backend = Backend::play(move |client, _| {
        request(client)?;
        let _ = asked.send(());
        let status = answers.lock().unwrap().recv();
        let status = status.map_err(io::Error::other)?;
        client.write_all(format!("HTTP/1.1 {status} x\r\n\r\n").as_bytes())
    });
    (backend, questions, statuses)
}

/// A backend that never answers, and says when the client has ended the connection.
pub(super) fn mute() -> (Backend, Receiver<()>) {
    let (sender, ended) = channel();
    let script = move |client: &mut TcpStream, _| {
        let result = hold(client);
        let _ = sender.send(());
        result
    };
    (Backend::play(script), ended)
}

/// An address where nobody listens.
pub(super) fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Reads a request up to its empty line.
pub(super) fn request(client: &mut TcpStream) -> io::Result<String> {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        heard.push(byte[0]);
    }
    Ok(String::from_utf8(heard).unwrap())
}

/// Reads the request, and answers with these bytes.
pub(super) fn answer(client: &mut TcpStream, bytes: &str) -> io::Result<()> {
    request(client)?;
    client.write_all(bytes.as_bytes())
}

/// Writes one piece of `bytes` after the other, with a pause between them.
pub(super) fn drip(client: &mut TcpStream, bytes: &str, pause: Duration) -> io::Result<()> {
    request(client)?;
    client.set_nodelay(true)?;
    for byte in bytes.as_bytes() {
        client.write_all(&[*byte])?;
        let_pass(pause);
    }
    Ok(())
}

/// Closes with a reset.
pub(super) fn reset(client: &TcpStream) -> io::Result<()> {
    SockRef::from(client).set_linger(Some(Duration::ZERO))
}

/// Keeps the connection until the client ends it.
pub(super) fn hold(client: &mut TcpStream) -> io::Result<()> {
    client.read_to_end(&mut Vec::new()).map(drop)
}

/// Lets time pass, where time itself is what is tested. Not for waiting until something happens.
pub(super) fn let_pass(span: Duration) {
    let passed = never::<()>().recv_timeout(span);
    assert_eq!(passed, Err(RecvTimeoutError::Timeout));
}
