//! One HTTP exchange over a TCP or a unix socket, with a bound on its time and its size.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::config::AdminAddress;
use crate::reason;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// From the request to the last byte of the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer: the longest overview of ten thousand backends is shorter.
pub(super) const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Connects, sends `request` and reads the whole answer, or says why there is none.
pub(super) fn exchange(
    address: &AdminAddress,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| reason::of(&error))?;
    runtime.block_on(async {
        match address {
            AdminAddress::Tcp(address) => over(TcpStream::connect(address), request).await,
            AdminAddress::Unix(path) => over(UnixStream::connect(path), request).await,
        }
    })
}

async fn over<S>(
    connect: impl Future<Output = io::Result<S>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = within(CONNECT_TIMEOUT, "connection", connect).await?;
    let stream = stream.map_err(|error| reason::of(&error))?;
    within(ANSWER_TIMEOUT, "answer", answer(stream, request)).await?
}

async fn answer<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    // What ends the connection ends the exchange too, which says so.
    tokio::spawn(connection);
    let (head, body) = sender
        .send_request(request)
        .await
        .map_err(text)?
        .into_parts();
    let body = Limited::new(body, ANSWER_BYTES).collect().await;
    Ok(Response::from_parts(head, body.map_err(text)?.to_bytes()))
}

async fn within<T>(
    time: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> Result<T, String> {
    let outcome = timeout(time, future).await;
    outcome.map_err(|_| format!("no {what} within {} s", time.as_secs()))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
