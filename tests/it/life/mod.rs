//! The life of the process: command line, ready line, health, signals, logs, limits, faults, demo.
//!
//! Black box: the real program, real sockets, real signals. What a test needs that is not on every
//! machine (a tool, another user) is named where the test is skipped.

mod access_log;
mod admin_api;
mod clocks;
mod command_line;
mod commands;
mod config_file;
mod demo;
mod descriptors;
mod faults;
mod floods;
mod foresight;
mod health;
mod listeners;
mod log_forms;
mod log_sink;
mod loopback;
mod outage;
mod probes;
mod reload;
mod rotation;
mod service;
mod signals;
mod stopping;
mod stuck_log;
mod terminations;
mod tools;
mod watch;

pub(crate) use watch::let_pass;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use test_backends::{Behaviour, Colour, Server};

use crate::harness::PATIENCE;

pub(crate) fn site(name: &str) -> Server {
    let (name, colour) = (name.to_owned(), Colour::LightBlue);
    Server::start("127.0.0.1:0", Behaviour::Site { name, colour }).unwrap()
}

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

/// Asks a site for `path` over a connection of its own, and returns the body.
fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    ask_over(TcpStream::connect(address)?, path)
}

fn ask_over(mut client: TcpStream, path: &str) -> io::Result<String> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: l4lb\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.trim());
    match body {
        Some(body) if !body.is_empty() => Ok(body.to_owned()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The name of the site that serves a new connection.
pub(crate) fn whoami(address: SocketAddr) -> io::Result<String> {
    ask(address, "/whoami")
}

/// The name of the site that serves this one.
pub(crate) fn whoami_over(client: TcpStream) -> io::Result<String> {
    ask_over(client, "/whoami")
}

/// Sends `bytes` to an echo and reads them back.
#[track_caller]
pub(crate) fn expect_echo(client: &mut TcpStream, bytes: &[u8]) {
    let mut back = vec![0; bytes.len()];
    client.write_all(bytes).unwrap();
    client.read_exact(&mut back).unwrap();
    assert!(back == bytes, "other bytes came back than were sent");
}

/// Whether what a test needs is there; says so where it is skipped.
pub(crate) fn available(tool: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path)
            .chain(["/usr/sbin".into(), "/sbin".into()])
            .any(|folder| folder.join(tool).is_file())
    });
    if !found {
        eprintln!("skipped: there is no {tool} on this machine");
    }
    found
}
