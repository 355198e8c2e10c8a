//! The one signal that ends threads: they wait for their socket and for it, both at once.
//!
//! It touches no socket. Waking a blocked thread with shutdown(2) instead would send a FIN, and a
//! client could see an orderly end where it should see a reset.

use std::{
    io::{self, ErrorKind, PipeReader, PipeWriter, Write},
    os::fd::AsFd,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

#[derive(Debug)]
pub(crate) struct Stop {
    /// For the loops that never have to wait.
    raised: AtomicBool,
    /// Becomes readable when the signal is raised and stays so: nobody reads from it.
    reader: PipeReader,
    writer: PipeWriter,
}

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self {
            raised: AtomicBool::new(false),
            reader,
            writer,
        })
    }

    pub(crate) fn raise(&self) {
        if !self.raised.swap(true, Ordering::Release) {
            // One byte into an empty pipe whose reader is in our hands cannot fail.
            let _ = (&self.writer).write_all(&[1]);
        }
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// An error once the signal is raised.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.is_raised() {
            Err(ErrorKind::Interrupted.into())
        } else {
            Ok(())
        }
    }

    /// Waits until the descriptor is ready; an error of kind `TimedOut` after the deadline, and of
    /// another kind once the signal is raised.
    pub(crate) fn wait_for(
        &self,
        descriptor: impl AsFd,
        readiness: PollFlags,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        self.poll(
            &mut [self.as_poll_fd(), PollFd::new(&descriptor, readiness)],
            deadline,
        )
    }

    /// Sleeps, but not beyond the signal.
    pub(crate) fn pause(&self, time: Duration) -> io::Result<()> {
        match self.poll(&mut [self.as_poll_fd()], Instant::now().checked_add(time)) {
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
            other => other,
        }
    }

    fn as_poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.reader, PollFlags::IN)
    }

    fn poll(&self, fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // A time too long for a Timespec is for ever.
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            let ready = match poll(fds, timeout.as_ref()) {
                Err(Errno::INTR) => continue,
                other => other?,
            };
            self.check()?;
            return if ready == 0 {
                Err(ErrorKind::TimedOut.into())
            } else {
                Ok(())
            };
        }
    }
}
