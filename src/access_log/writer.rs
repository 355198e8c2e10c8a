//! The thread that writes lines, and the handle that feeds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustix::event::{PollFd, PollFlags};
use std::os::fd::AsFd;

use super::format;
use crate::config::AccessLogOutput;
use crate::messages::{Event, SessionRecord};

/// Lines that may wait for the writer; about 200 bytes each.
const QUEUE_LINES: usize = 8192;

/// Lines that are written with one system call.
const BATCH_LINES: usize = 512;

/// The writer rests that long after a batch, so that it is not woken for every single line.
const REST: Duration = Duration::from_millis(5);

/// Between two complaints that lines cannot be written.
pub(crate) const COMPLAINT_GAP: Duration = Duration::from_secs(10);

enum Message {
    Line(SessionRecord),
    Reopen,
}

/// Takes records of ended sessions. Cheap to clone; the writer ends with the last one.
#[derive(Clone)]
pub struct AccessLog {
    queue: Sender<Message>,
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// Queues a line, or drops and counts it where the queue is full: false. Never waits.
    #[must_use]
    pub fn write(&self, record: SessionRecord) -> bool {
        let queued = self.queue.try_send(Message::Line(record)).is_ok();
        if !queued {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        queued
    }

    /// Lines dropped since the last call: a writer that is stuck cannot tell.
    #[must_use]
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// Has the file opened again under its name, as a rotation has moved the old one. False where
    /// the writer is stuck.
    #[must_use]
    pub fn reopen(&self) -> bool {
        self.queue
            .send_timeout(Message::Reopen, Duration::from_secs(1))
            .is_ok()
    }
}

/// Waits for the writer.
pub struct WriterThread {
    done: Receiver<()>,
}

impl WriterThread {
    /// Waits until everything queued is written, but not for ever: a sink may be stuck.
    pub fn finish(self, patience: Duration) {
        let _ = self.done.recv_timeout(patience);
    }
}

/// Opens the log and starts its writer; `None` where it is off.
///
/// # Errors
///
/// What the system says where the file cannot be opened or no thread be had.
pub fn start(
    output: &AccessLogOutput,
    events: Sender<Event>,
) -> io::Result<Option<(AccessLog, WriterThread)>> {
    let sink = match output {
        AccessLogOutput::Off => return Ok(None),
        AccessLogOutput::Stdout => Sink {
            file: None,
            path: None,
            in_line: false,
        },
        AccessLogOutput::File(path) => Sink {
            file: Some(open(path)?),
            path: Some(path.clone()),
            in_line: false,
        },
    };
    let (queue, lines) = bounded(QUEUE_LINES);
    let (alive, done) = bounded(0);
    let dropped = Arc::new(AtomicU64::new(0));
    let mut writer = Writer {
        lines,
        sink,
        dropped: Arc::clone(&dropped),
        events,
        complained: None,
    };
    std::thread::Builder::new()
        .name("access-log".to_owned())
        .spawn(move || {
            writer.run();
            drop(alive);
        })?;
    Ok(Some((AccessLog { queue, dropped }, WriterThread { done })))
}

fn open(path: &PathBuf) -> io::Result<File> {
    use std::os::unix::fs::FileTypeExt;
    if std::fs::metadata(path).is_ok_and(|it| it.file_type().is_fifo()) {
        // Opened for reading too, a FIFO does not wait for its reader (fifo(7)).
        return OpenOptions::new().read(true).write(true).open(path);
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Where lines go.
struct Sink {
    /// Standard output where there is none.
    file: Option<File>,
    path: Option<PathBuf>,
    /// The last write broke off within a line.
    in_line: bool,
}

impl Sink {
    fn reopen(&mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            self.file = Some(open(path)?);
        }
        Ok(())
    }

    /// Writes whole lines. After a line that broke off, the next write begins a new one.
    fn write(&mut self, lines: &str) -> io::Result<()> {
        if self.in_line {
            self.write_all(b"\n")?;
        }
        self.write_all(lines.as_bytes())
    }

    fn wait(&self) -> io::Result<()> {
        let stdout = io::stdout();
        let sink = self
            .file
            .as_ref()
            .map_or_else(|| stdout.as_fd(), AsFd::as_fd);
        rustix::event::poll(&mut [PollFd::from_borrowed_fd(sink, PollFlags::OUT)], None)?;
        Ok(())
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let answer = match &mut self.file {
                Some(file) => file.write(bytes),
                None => rustix::io::write(io::stdout(), bytes).map_err(io::Error::from),
            };
            match answer {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.in_line = bytes[written - 1] != b'\n';
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody else has made the shared descriptor non-blocking: this thread may wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

struct Writer {
    lines: Receiver<Message>,
    sink: Sink,
    dropped: Arc<AtomicU64>,
    events: Sender<Event>,
    complained: Option<Instant>,
}

impl Writer {
    /// Writes until nobody can send any more.
    fn run(&mut self) {
        let mut text = String::new();
        loop {
            match self.lines.recv_timeout(COMPLAINT_GAP) {
                Ok(message) => {
                    let lines = self.take_batch(message, &mut text);
                    self.write(&text, lines);
                    text.clear();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.complain_of_drops(),
            }
            if self
                .complained
                .is_none_or(|at| at.elapsed() >= COMPLAINT_GAP)
            {
                self.complain_of_drops();
            }
            std::thread::sleep(REST);
        }
    }

    /// Formats what waits, up to a batch. How many lines that is.
    fn take_batch(&mut self, first: Message, text: &mut String) -> u64 {
        let (wall, now) = (SystemTime::now(), Instant::now());
        let mut lines = 0;
        let queue = self.lines.clone();
        let rest = queue.try_iter().take(BATCH_LINES);
        for message in std::iter::once(first).chain(rest) {
            match message {
                Message::Line(record) => {
                    let ago = now.saturating_duration_since(record.ended);
                    format::append(text, &record, wall - ago);
                    lines += 1;
                }
                Message::Reopen => {
                    // What came before it belongs into the old file.
                    self.write(text, lines);
                    text.clear();
                    lines = 0;
                    if let Err(error) = self.sink.reopen() {
                        let said = format!("cannot open it again: {error}");
                        let _ = self.events.try_send(Event::AccessLogFailed(said));
                    }
                }
            }
        }
        lines
    }

    fn write(&mut self, text: &str, lines: u64) {
        if let Err(error) = self.sink.write(text) {
            self.dropped.fetch_add(lines, Ordering::Relaxed);
            if self
                .complained
                .is_none_or(|at| at.elapsed() >= COMPLAINT_GAP)
            {
                self.complained = Some(Instant::now());
                let _ = self
                    .events
                    .try_send(Event::AccessLogFailed(error.to_string()));
            }
        }
    }

    fn complain_of_drops(&mut self) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            self.complained = Some(Instant::now());
            let _ = self.events.try_send(Event::AccessLogDropped(dropped));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_line_that_broke_off_the_next_one_begins_anew() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_path_buf();
        let mut sink = Sink {
            file: Some(open(&path).unwrap()),
            path: Some(path),
            in_line: true,
        };
        sink.write("whole\n").unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "\nwhole\n");
        assert!(!sink.in_line);
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut sink = Sink {
            file: Some(full),
            path: None,
            in_line: false,
        };
        assert!(sink.write("lost\n").is_err());
    }
}
