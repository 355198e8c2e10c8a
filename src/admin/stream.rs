//! A connection that waits for nobody for ever.
//!
//! A client that takes nothing of its answer is given up. Before a connection is closed, what the client
//! still sends is read and thrown away for a moment: else the kernel would answer it with a reset, which
//! can overtake the answer (RFC 9112, 9.6).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a client has to take notice that its connection is about to be closed.
const FAREWELL: Duration = Duration::from_secs(1);
/// What is read of it in the meantime.
const FAREWELL_BYTES: usize = 4 * 1024 * 1024;

/// A stream of either kind.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// How far the end of a connection has come.
#[derive(Debug)]
enum End {
    /// It is not near.
    Open,
    /// We send no more, and read so many bytes more at the most.
    Farewell { left: usize },
}

/// A stream with bounds on how long it waits.
pub(super) struct Bounded {
    stream: Box<dyn Duplex>,
    patience: Duration,
    /// Runs while something is waited for that has a bound.
    deadline: Option<Pin<Box<Sleep>>>,
    end: End,
}

impl Bounded {
    /// Gives a client so long to take something.
    pub(super) fn new(stream: Box<dyn Duplex>, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            deadline: None,
            end: End::Open,
        }
    }

    /// Passes on what came of a write, or an error when that has been nothing for too long.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        ready!(self.poll_deadline(cx, self.patience));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>, patience: Duration) -> Poll<()> {
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        deadline.as_mut().poll(cx)
    }

    /// Reads until the client has closed, too, or until it has had its time or its bytes.
    fn poll_farewell(&mut self, cx: &mut Context<'_>, mut left: usize) -> Poll<io::Result<()>> {
        let mut scratch = [0; 4096];
        while left > 0 && self.poll_deadline(cx, FAREWELL).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
            left = left.saturating_sub(buffer.filled().len());
            self.end = End::Farewell { left };
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let left = match self.end {
            End::Open => {
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                self.deadline = None;
                FAREWELL_BYTES
            }
            End::Farewell { left } => left,
        };
        self.end = End::Farewell { left };
        self.poll_farewell(cx, left)
    }
}
