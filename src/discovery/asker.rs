//! The thread that asks: whatever is due, some at once, for as long as anybody wants to know.
//!
//! The supervisor waits for it at most [`FIRST_ANSWERS`], and only for names that are new; whatever is
//! learnt later is told. The thread is there only where there are names.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel as crossbeam;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::sleep_until;

use super::answers::{Answers, Question};
use super::book::{Book, Remark};
use super::outcome::{Found, Outcome};
use super::resolver::Resolver;

/// How long the first answers to new questions are waited for.
const FIRST_ANSWERS: Duration = Duration::from_secs(2);

/// How much later than that the thread itself may be.
const SLACK: Duration = Duration::from_millis(500);

/// Questions under way at once; each has two lookups of up to two packets.
const LOOKUPS: usize = 16;

/// What is learnt within this time is told together.
const GATHER: Duration = Duration::from_millis(100);

/// When it is tried again to tell somebody who could not listen.
const TOLD_LATER: Duration = Duration::from_secs(1);

/// Commands that may wait.
const COMMANDS: usize = 64;

/// What was learnt.
#[derive(Debug)]
pub struct News {
    /// All that is known.
    pub answers: Arc<Answers>,
    /// What is worth a line of the log.
    pub remarks: Vec<Remark>,
}

/// Takes news, or gives back what it cannot take now.
type Tell = Arc<dyn Fn(News) -> Result<(), News> + Send + Sync>;

/// What the thread is to do.
struct Want {
    questions: BTreeSet<Question>,
    servers: Vec<SocketAddr>,
    /// Whether what is known is asked anew, of name servers that the system may have changed.
    again: bool,
    /// Who is told when the first answers are there.
    reply: Option<crossbeam::Sender<Arc<Answers>>>,
}

/// The thread as the supervisor sees it; dropping this ends it.
pub struct Discovery {
    tell: Tell,
    thread: Option<mpsc::Sender<Want>>,
    questions: BTreeSet<Question>,
    servers: Vec<SocketAddr>,
}

impl Discovery {
    /// Asks nothing yet. What is learnt is told by way of `tell`, which gives back what it cannot take
    /// now.
    pub fn new(tell: impl Fn(News) -> Result<(), News> + Send + Sync + 'static) -> Self {
        Self {
            tell: Arc::new(tell),
            thread: None,
            questions: BTreeSet::new(),
            servers: Vec::new(),
        }
    }

    /// Asks these questions of these servers, besides what is asked already. Waits for the first
    /// answers to those that are new; with `again` everything is asked anew, and what was never
    /// answered is waited for too. What is known then; `None` where there was nothing to ask.
    ///
    /// # Errors
    ///
    /// A sentence where there can be no thread.
    pub fn find(
        &mut self,
        questions: &BTreeSet<Question>,
        servers: &[SocketAddr],
        again: bool,
    ) -> Result<Option<Arc<Answers>>, String> {
        let is_old = questions.is_subset(&self.questions) && servers == self.servers;
        if questions.is_empty() || (is_old && !again) {
            return Ok(None);
        }
        self.start().map_err(|error| {
            let why = crate::reason::of(&error);
            format!("cannot look names up: {why}")
        })?;
        self.questions.extend(questions.iter().cloned());
        servers.clone_into(&mut self.servers);
        let (sender, answers) = crossbeam::bounded(1);
        self.command(again, Some(sender));
        Ok(answers.recv_timeout(FIRST_ANSWERS + SLACK).ok())
    }

    /// From now on these questions are asked of these servers, and no others.
    pub fn keep(&mut self, questions: BTreeSet<Question>, servers: &[SocketAddr]) {
        if questions != self.questions || servers != self.servers {
            self.questions = questions;
            servers.clone_into(&mut self.servers);
            self.command(false, None);
        }
    }

    /// Whether there is anything to ask.
    #[must_use]
    pub fn asks(&self) -> bool {
        !self.questions.is_empty()
    }

    fn start(&mut self) -> io::Result<()> {
        if self.thread.is_some() {
            return Ok(());
        }
        let (sender, commands) = mpsc::channel(COMMANDS);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let tell = Arc::clone(&self.tell);
        let work = move || {
            let asker = Asker::new(Arc::clone(&tell));
            let run = AssertUnwindSafe(|| runtime.block_on(asker.run(commands)));
            if catch_unwind(run).is_err() {
                let text = "the discovery thread panicked: what is known of names stays";
                // Nothing is left to be done for somebody who cannot listen now.
                let _ = tell(News {
                    answers: Arc::default(),
                    remarks: vec![Remark::Trouble(text.to_owned())],
                });
            }
        };
        std::thread::Builder::new()
            .name("discovery".to_owned())
            .spawn(work)?;
        self.thread = Some(sender);
        Ok(())
    }

    fn command(&self, again: bool, reply: Option<crossbeam::Sender<Arc<Answers>>>) {
        let Some(thread) = &self.thread else {
            return;
        };
        let want = Want {
            questions: self.questions.clone(),
            servers: self.servers.clone(),
            again,
            reply,
        };
        // A thread that takes no commands has more to do than to ask, or has ended: what is known stays.
        let _ = thread.try_send(want);
    }
}

/// Somebody who waits for first answers.
struct Waiting {
    questions: BTreeSet<Question>,
    until: Instant,
    reply: crossbeam::Sender<Arc<Answers>>,
}

struct Asker {
    tell: Tell,
    book: Book,
    servers: Vec<SocketAddr>,
    resolver: Option<Result<Resolver, String>>,
    lookups: JoinSet<(Question, Outcome)>,
    under_way: HashMap<Id, Question>,
    waiting: Vec<Waiting>,
    /// What was known when somebody last wanted to know.
    known: Arc<Answers>,
    /// The number of what was told last.
    told: u64,
    remarks: Vec<Remark>,
    /// When it is looked whether there is something to tell.
    tell_at: Option<Instant>,
}

impl Asker {
    fn new(tell: Tell) -> Self {
        Self {
            tell,
            book: Book::default(),
            servers: Vec::new(),
            resolver: None,
            lookups: JoinSet::new(),
            under_way: HashMap::new(),
            waiting: Vec::new(),
            known: Arc::default(),
            told: 0,
            remarks: Vec::new(),
            tell_at: None,
        }
    }

    /// Sees to it until nobody can command any more.
    async fn run(mut self, mut commands: mpsc::Receiver<Want>) {
        loop {
            let now = Instant::now();
            self.ask(now);
            self.answer(now);
            self.tell(now);
            let wake = self.next_turn();
            let nothing_to_do = async {
                match wake {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = commands.recv() => match command {
                    Some(want) => self.want(want, Instant::now()),
                    None => return,
                },
                Some(ended) = self.lookups.join_next_with_id() => self.ended(ended, Instant::now()),
                () = nothing_to_do => {}
            }
        }
    }

    fn next_turn(&self) -> Option<Instant> {
        let due = self.book.next_due().filter(|_| self.room() > 0);
        let waiting = self.waiting.iter().map(|it| it.until);
        waiting.chain(due).chain(self.tell_at).min()
    }

    fn room(&self) -> usize {
        LOOKUPS.saturating_sub(self.lookups.len())
    }

    fn want(&mut self, want: Want, now: Instant) {
        self.book.want(want.questions.clone(), now);
        if want.again || self.resolver.is_none() || want.servers != self.servers {
            self.resolver = Some(Resolver::new(&want.servers));
            self.servers = want.servers;
            // What was asked of others, and what they have said, is not worth waiting for.
            self.lookups = JoinSet::new();
            self.under_way.clear();
            self.book.ask_anew(now);
        }
        if let Some(reply) = want.reply {
            self.waiting.push(Waiting {
                questions: want.questions,
                until: now + FIRST_ANSWERS,
                reply,
            });
        }
        self.tell_soon(now);
    }

    /// Asks what is due, as far as there is room.
    fn ask(&mut self, now: Instant) {
        while self.room() > 0 {
            let due = self.book.take_due(now, self.room());
            if due.is_empty() {
                return;
            }
            for question in due {
                self.ask_one(question, now);
            }
        }
    }

    fn ask_one(&mut self, question: Question, now: Instant) {
        match &mut self.resolver {
            Some(Ok(resolver)) => match resolver.in_hosts_file(&question) {
                Some(outcome) => self.record(&question, outcome, now),
                None => {
                    let lookup = resolver.ask(question.clone());
                    let asked = question.clone();
                    let task = self.lookups.spawn(async move { (asked, lookup.await) });
                    self.under_way.insert(task.id(), question);
                }
            },
            Some(Err(why)) => {
                let outcome = unknown(&question, &why.clone());
                self.record(&question, outcome, now);
            }
            None => {}
        }
    }

    fn ended(&mut self, ended: Result<(Id, (Question, Outcome)), JoinError>, now: Instant) {
        match ended {
            Ok((id, (question, outcome))) => {
                self.under_way.remove(&id);
                self.record(&question, outcome, now);
            }
            // Whatever a name server can make a lookup do, it is this lookup's own affair.
            Err(error) => {
                if let Some(question) = self.under_way.remove(&error.id()) {
                    let outcome = unknown(&question, "the lookup has failed");
                    self.record(&question, outcome, now);
                }
            }
        }
    }

    fn record(&mut self, question: &Question, outcome: Outcome, now: Instant) {
        self.remarks
            .extend(self.book.record(question, outcome, now));
        self.tell_soon(now);
    }

    /// Something may be known that was not, or be worth telling.
    fn tell_soon(&mut self, now: Instant) {
        self.tell_at.get_or_insert(now + GATHER);
    }

    /// All that is known by now.
    fn known(&mut self) -> Arc<Answers> {
        let mut answers = self.book.answers();
        answers.number = self.known.number;
        if answers != *self.known {
            answers.number += 1;
            self.known = Arc::new(answers);
        }
        Arc::clone(&self.known)
    }

    /// Answers those whose questions all have had an outcome, or who have waited for long enough.
    fn answer(&mut self, now: Instant) {
        let waits_on = |it: &mut Waiting| it.until > now && self.book.is_open(&it.questions);
        let answered: Vec<Waiting> = self.waiting.extract_if(.., |it| !waits_on(it)).collect();
        for it in answered {
            // Nobody may wait any more.
            let _ = it.reply.send(self.known());
        }
    }

    fn tell(&mut self, now: Instant) {
        if self.tell_at.is_none_or(|at| at > now) {
            return;
        }
        let answers = self.known();
        let number = answers.number;
        if number == self.told && self.remarks.is_empty() {
            self.tell_at = None;
            return;
        }
        let news = News {
            answers,
            remarks: std::mem::take(&mut self.remarks),
        };
        match (self.tell)(news) {
            Ok(()) => (self.told, self.tell_at) = (number, None),
            Err(untold) => {
                self.remarks = untold.remarks;
                self.tell_at = Some(now + TOLD_LATER);
            }
        }
    }
}

/// Nobody knows, for this reason.
fn unknown(question: &Question, why: &str) -> Outcome {
    let why = why.to_owned();
    match question {
        Question::Host(_) => Outcome::Host([Found::Unknown(why.clone()), Found::Unknown(why)]),
        Question::Service(_) => Outcome::Service(Found::Unknown(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_panic_of_the_thread_is_told() {
        let (sender, told) = crossbeam::unbounded();
        let is_first = AtomicBool::new(true);
        let mut discovery = Discovery::new(move |news: News| {
            assert!(!is_first.swap(false, Ordering::SeqCst), "the first one");
            sender.send(news).unwrap();
            Ok(())
        });
        let questions = BTreeSet::from([Question::Host("a.example".into())]);
        let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let servers = [nobody.local_addr().unwrap()];
        discovery.find(&questions, &servers, false).unwrap();
        let news = told.recv_timeout(Duration::from_secs(20)).unwrap();
        let text = format!("{:?}", news.remarks);
        assert!(text.contains("the discovery thread panicked"), "{text}");
        assert_eq!(news.answers.number, 0, "nothing is known by it");
    }
}
