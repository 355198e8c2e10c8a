//! Runs a command: without a shell, in a process group and a thread of its own, with bounds on its time
//! and on what it says.
//!
//! Whoever has to end early gets TERM, and KILL when that has not helped: the whole group does, so that
//! nothing the command has started is left behind, unless it has left the group (setsid(1)). The
//! standard library gives a child the default disposition of SIGPIPE; no thread of ours blocks signals,
//! and all our descriptors close on exec.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::reason;

/// The most that a command may print.
const OUTPUT_BYTES: usize = 64 * 1024;

/// Of what it complains of, the last bytes are kept.
const COMPLAINT_BYTES: usize = 2 * 1024;

/// How long whoever got TERM may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// How long it is waited for the end of what was killed, which may be someone else's to bury.
const BURIAL: Duration = Duration::from_secs(1);

/// How often it is looked whether a command has ended, while it is silent.
const STEP: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// What a service manager has given to l4lb alone, and what this run may not be told.
const NOT_INHERITED: [&str; 9] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "L4LB_NAMES",
    "L4LB_BACKEND",
    "L4LB_ADDRESS",
];

/// What is to be run.
#[derive(Debug)]
pub struct Errand {
    /// The program, and its arguments.
    pub command: Arc<[String]>,
    /// What its environment has besides that of l4lb.
    pub environment: Vec<(&'static str, String)>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What has come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What it has printed, or why it has failed.
    pub output: Result<Vec<u8>, String>,
    /// The end of what it has complained of on standard error.
    pub complaint: Vec<u8>,
    /// When it has ended.
    pub ended: Instant,
}

impl Ran {
    /// There was no thread for it.
    #[must_use]
    pub fn failed(error: &io::Error, now: Instant) -> Self {
        Self {
            output: Err(format!("cannot be run: {}", reason::of(error))),
            complaint: Vec::new(),
            ended: now,
        }
    }
}

/// A command that runs.
#[derive(Debug)]
pub struct Run(Arc<Wish>);

/// What is wanted of it besides that it runs.
#[derive(Debug, Default)]
struct Wish {
    end: AtomicBool,
    kill: AtomicBool,
}

impl Run {
    /// Starts a thread that runs the command and then calls `done`.
    ///
    /// # Errors
    ///
    /// What the system says where it gives no thread.
    pub fn start(errand: Errand, done: impl FnOnce(Ran) + Send + 'static) -> io::Result<Self> {
        let run = Self(Arc::default());
        let wish = Arc::clone(&run.0);
        thread::Builder::new()
            .name("scale".to_owned())
            .spawn(move || {
                let (output, complaint) =
                    catch_unwind(AssertUnwindSafe(|| self::run(&errand, &wish)))
                        .unwrap_or_else(|_| (Err("its thread panicked".to_owned()), Vec::new()));
                let ended = Instant::now();
                done(Ran {
                    output,
                    complaint,
                    ended,
                });
            })?;
        Ok(run)
    }

    /// Has it end: with TERM, later with KILL.
    pub fn end(&self) {
        self.0.end.store(true, Ordering::Relaxed);
    }

    /// Has it end at once.
    pub fn kill(&self) {
        self.0.kill.store(true, Ordering::Relaxed);
        self.end();
    }
}

fn run(errand: &Errand, wish: &Wish) -> (Result<Vec<u8>, String>, Vec<u8>) {
    let start = Instant::now();
    let mut running = match Running::start(errand) {
        Ok(running) => running,
        Err(error) => {
            let (program, why) = (&errand.command[0], reason::of(&error));
            return (Err(format!("cannot run {program}: {why}")), Vec::new());
        }
    };
    let outcome = loop {
        running.listen();
        match running.child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => break Ok(status),
            Err(error) => break Err(format!("cannot be waited for: {}", reason::of(&error))),
        }
        if running.said.bytes.len() > OUTPUT_BYTES {
            break Err(format!("it printed more than {OUTPUT_BYTES} bytes"));
        }
        if Instant::now() >= start + errand.timeout {
            let time = humantime::format_duration(errand.timeout);
            break Err(format!("it did not end within {time}"));
        }
        if wish.end.load(Ordering::Relaxed) {
            break Err("it was stopped".to_owned());
        }
    };
    let outcome = match outcome {
        Ok(status) => {
            // What was written before the end is there to be read.
            running.said.read();
            running.complained.read();
            judge(status, &running.said.bytes)
        }
        Err(why) => {
            running.end(wish);
            Err(why)
        }
    };
    (
        outcome.map(|()| std::mem::take(&mut running.said.bytes)),
        running.complained.bytes,
    )
}

fn judge(status: ExitStatus, output: &[u8]) -> Result<(), String> {
    if output.len() > OUTPUT_BYTES {
        return Err(format!("it printed more than {OUTPUT_BYTES} bytes"));
    }
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(format!("exit code {code}")),
        (None, Some(signal)) => Err(format!("killed by signal {signal}")),
        (None, None) => Err(status.to_string()),
    }
}

/// A command and what it says.
struct Running {
    child: Child,
    said: Stream,
    complained: Stream,
}

impl Running {
    fn start(errand: &Errand) -> io::Result<Self> {
        let mut command = Command::new(&errand.command[0]);
        command.args(&errand.command[1..]);
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        let environment = errand.environment.iter();
        let mut child = command
            .envs(environment.map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            said: Stream::new(child.stdout.take(), Keep::UpTo(OUTPUT_BYTES)),
            complained: Stream::new(child.stderr.take(), Keep::Last(COMPLAINT_BYTES)),
            child,
        })
    }

    /// Waits for something that is said, though not for long, and reads it.
    fn listen(&mut self) {
        let streams = [self.said.descriptor(), self.complained.descriptor()];
        let open = streams.into_iter().flatten();
        let mut polled: Vec<_> = open
            .map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN))
            .collect();
        // An interrupted wait is as good as one that is over.
        let _ = poll(&mut polled, Some(&STEP));
        self.said.read();
        self.complained.read();
    }

    /// Ends the whole group.
    fn end(&mut self, wish: &Wish) {
        // Whoever goes on printing learns that nobody reads it.
        self.said.source = None;
        self.signal(Signal::TERM);
        let start = Instant::now();
        while Instant::now() < start + GRACE && !wish.kill.load(Ordering::Relaxed) {
            if self.is_gone() {
                return;
            }
            self.listen();
        }
        self.signal(Signal::KILL);
        // It may have left its group; nothing is done where it has ended.
        let _ = self.child.kill();
        let start = Instant::now();
        while Instant::now() < start + BURIAL && !self.is_gone() {
            self.listen();
        }
    }

    /// Whether all of the group have ended. The group keeps its number while anybody is in it; between
    /// the last one's end and the next look the kernel would have to come round to it again.
    fn is_gone(&mut self) -> bool {
        let has_ended = self.child.try_wait().is_ok_and(|it| it.is_some());
        has_ended
            && self
                .group()
                .is_none_or(|it| test_kill_process_group(it).is_err())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group() {
            // There may be nobody left.
            let _ = kill_process_group(group, signal);
        }
    }

    fn group(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }
}

/// What is kept of a stream.
enum Keep {
    /// So many bytes, and one more where there are more.
    UpTo(usize),
    /// The last bytes.
    Last(usize),
}

/// A pipe that is read as far as there is something in it.
struct Stream {
    /// `None` at its end.
    source: Option<Box<dyn Pipe>>,
    keep: Keep,
    bytes: Vec<u8>,
}

trait Pipe: Read + AsFd {}

impl<T: Read + AsFd> Pipe for T {}

impl Stream {
    fn new(source: Option<impl Pipe + 'static>, keep: Keep) -> Self {
        // One that would block is not read at all.
        let source = source.filter(|it| ioctl_fionbio(it, true).is_ok());
        Self {
            source: source.map(|it| Box::new(it) as Box<dyn Pipe>),
            keep,
            bytes: Vec::new(),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref().map(|it| it.as_fd())
    }

    /// Reads once, or to the end of what is there. A pipe has 64 KiB.
    fn read(&mut self) {
        let Some(source) = &mut self.source else {
            return;
        };
        let mut piece = vec![0; OUTPUT_BYTES];
        match source.read(&mut piece) {
            Ok(0) => self.source = None,
            Ok(count) => self.take(&piece[..count]),
            Err(error) => {
                let is_over = !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                );
                if is_over {
                    self.source = None;
                }
            }
        }
    }

    fn take(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        match self.keep {
            Keep::UpTo(most) => self.bytes.truncate(most + 1),
            Keep::Last(most) => {
                let over = self.bytes.len().saturating_sub(most);
                self.bytes.drain(..over);
            }
        }
    }
}
