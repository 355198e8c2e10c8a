//! The thread that writes lines, and the handle that feeds it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

use super::filter::Filter;
use super::line;
use super::sink::Sink;
use crate::config::{AccessLogConfig, LineFormat};
use crate::messages::{Event, SessionRecord};

/// Lines that may wait for the writer; about 300 bytes each.
const QUEUE_LINES: usize = 8192;

/// Lines that are written with one system call.
const BATCH_LINES: usize = 512;

/// The writer rests that long when it has caught up, so that it is not woken for every single line.
const REST: Duration = Duration::from_millis(20);

/// Between two complaints that lines cannot be written.
pub(crate) const COMPLAINT_GAP: Duration = Duration::from_secs(10);

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are lines: to box each would cost more than the room"
)]
enum Message {
    Line(SessionRecord),
    Reopen,
}

/// How many lines there were, for as long as the process runs.
#[derive(Debug, Default)]
pub struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    /// Of those dropped, how many were told.
    told: AtomicU64,
}

impl Counts {
    /// Lines that were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Lines that were lost: the queue was full, or the sink did not take them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn drop_lines(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    /// Lines dropped since the last call.
    fn take_untold(&self) -> u64 {
        let dropped = self.dropped();
        let told = self.told.fetch_max(dropped, Ordering::Relaxed);
        dropped.saturating_sub(told)
    }
}

/// Takes records of sessions. Cheap to clone; the writer ends with the last one.
#[derive(Clone, Debug)]
pub struct AccessLog {
    queue: Sender<Message>,
    counts: Arc<Counts>,
    wishes: Arc<Wishes>,
}

/// What the writer wants of those who write.
#[derive(Debug)]
struct Wishes {
    filter: Filter,
    interval: Option<Duration>,
    tcp_info: bool,
}

impl AccessLog {
    /// Queues a line, or drops and counts it where the queue is full: false. Never waits.
    #[must_use]
    pub fn write(&self, record: SessionRecord) -> bool {
        let queued = self.queue.try_send(Message::Line(record)).is_ok();
        if !queued {
            self.counts.drop_lines(1);
        }
        queued
    }

    /// Which sessions are to be written down.
    pub(crate) fn filter(&self) -> &Filter {
        &self.wishes.filter
    }

    /// How often those are that live on, if at all.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.wishes.interval
    }

    /// Whether the line says what the kernel knows of both connections: to ask it costs two calls.
    pub(crate) fn wants_tcp_info(&self) -> bool {
        self.wishes.tcp_info
    }

    /// How many lines there were.
    #[must_use]
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Lines dropped since the last call: a writer that is stuck cannot tell.
    #[must_use]
    pub fn take_dropped(&self) -> u64 {
        self.counts.take_untold()
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
    /// Whether it has ended, as nobody can send it anything any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.done.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Waits until everything queued is written, but not for ever: a sink may be stuck.
    pub fn finish(self, patience: Duration) {
        let _ = self.done.recv_timeout(patience);
    }
}

/// Opens the log and starts its writer, who goes on counting in `counts`; `None` where it is off.
///
/// # Errors
///
/// What the system says where the file cannot be opened or no thread be had.
pub fn start(
    config: &AccessLogConfig,
    counts: Arc<Counts>,
    events: Sender<Event>,
) -> io::Result<Option<(AccessLog, WriterThread)>> {
    let Some(sink) = Sink::open(&config.output)? else {
        return Ok(None);
    };
    let (queue, lines) = bounded(QUEUE_LINES);
    let (alive, done) = bounded(0);
    let mut writer = Writer {
        lines,
        format: config.format.clone(),
        sink,
        counts: Arc::clone(&counts),
        events,
        complained: None,
    };
    std::thread::Builder::new()
        .name("access-log".to_owned())
        .spawn(move || {
            writer.run();
            drop(alive);
        })?;
    let wishes = Arc::new(Wishes {
        filter: Filter::new(&config.filter),
        interval: config.filter.interval,
        tcp_info: config.format == LineFormat::Json,
    });
    let log = AccessLog {
        queue,
        counts,
        wishes,
    };
    Ok(Some((log, WriterThread { done })))
}

struct Writer {
    lines: Receiver<Message>,
    format: LineFormat,
    sink: Sink,
    counts: Arc<Counts>,
    events: Sender<Event>,
    complained: Option<Instant>,
}

impl Writer {
    /// Writes until nobody can send any more.
    fn run(&mut self) {
        let mut text = Vec::new();
        loop {
            let mut has_caught_up = true;
            match self.lines.recv_timeout(COMPLAINT_GAP) {
                Ok(message) => {
                    let lines = self.take_batch(message, &mut text);
                    self.write(&mut text, lines);
                    has_caught_up = lines < BATCH_LINES as u64;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.complain_of_drops(),
            }
            if self.may_complain() {
                self.complain_of_drops();
            }
            if has_caught_up {
                std::thread::sleep(REST);
            }
        }
    }

    /// Formats what waits, up to a batch. How many lines that is.
    fn take_batch(&mut self, first: Message, text: &mut Vec<u8>) -> u64 {
        let (wall, now) = (SystemTime::now(), Instant::now());
        let mut lines = 0;
        let queue = self.lines.clone();
        let rest = queue.try_iter().take(BATCH_LINES);
        for message in std::iter::once(first).chain(rest) {
            match message {
                Message::Line(record) => {
                    let ago = now.saturating_duration_since(record.at);
                    line::append(text, &self.format, &record, wall - ago);
                    lines += 1;
                }
                Message::Reopen => {
                    // What came before it belongs into the old file.
                    self.write(text, lines);
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

    /// Writes the lines of `text`, or drops and counts them; then it is empty.
    fn write(&mut self, text: &mut Vec<u8>, lines: u64) {
        match self.sink.write(text) {
            Ok(()) => _ = self.counts.written.fetch_add(lines, Ordering::Relaxed),
            Err(error) => {
                self.counts.drop_lines(lines);
                if self.may_complain() {
                    self.complained = Some(Instant::now());
                    let said = Event::AccessLogFailed(error.to_string());
                    let _ = self.events.try_send(said);
                }
            }
        }
        text.clear();
    }

    fn may_complain(&self) -> bool {
        self.complained
            .is_none_or(|at| at.elapsed() >= COMPLAINT_GAP)
    }

    fn complain_of_drops(&mut self) {
        let dropped = self.counts.take_untold();
        if dropped > 0 {
            self.complained = Some(Instant::now());
            let _ = self.events.try_send(Event::AccessLogDropped(dropped));
        }
    }
}
