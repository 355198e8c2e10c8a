//! What to ask when, what is known, and what an outcome changes. Pure.
//!
//! ```text
//!  Due(when) --taken--> Asked --answered--> Due(when its time to live is over)
//!                          |----failed----> Due(in 1, 2, 4 .. 30 s); the last good answer stays
//! ```
//!
//! The servers of a service are names in their own right. A new answer of a service counts once its
//! names are known too, so that there is no moment in which nobody is there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answers::{Answers, Question, ServiceRecord, is_loopback};
use super::outcome::{Found, Outcome};

/// No answer is trusted for longer, whatever its time to live, nor asked for again sooner.
const LONGEST: Duration = Duration::from_secs(3600);
const SHORTEST: Duration = Duration::from_secs(1);

/// After a failure the next try comes so late, then twice as late each time, up to the longest pause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is worth a line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// It goes wrong from now on.
    Trouble(String),
    /// It is well again.
    Well(String),
}

#[derive(Default)]
pub(super) struct Book {
    /// What the configuration asks.
    wanted: BTreeSet<Question>,
    /// That, and the names of servers of services.
    entries: BTreeMap<Question, Entry>,
}

struct Entry {
    when: When,
    known: Known,
    /// Tries in a row that have failed.
    failures: u32,
    /// Whether there was an outcome since it became known, or since it was wanted afresh.
    is_settled: bool,
}

enum When {
    Due(Instant),
    Asked,
}

impl When {
    const fn due(&self) -> Option<Instant> {
        match self {
            Self::Due(at) => Some(*at),
            Self::Asked => None,
        }
    }
}

enum Known {
    /// Addresses by family.
    Host([Vec<IpAddr>; 2]),
    Service {
        records: Option<Arc<[ServiceRecord]>>,
        /// A new answer, some names of which are not known yet.
        coming: Option<Arc<[ServiceRecord]>>,
    },
}

impl Known {
    fn is_good(&self) -> bool {
        match self {
            Self::Host(families) => families.iter().any(|it| !it.is_empty()),
            Self::Service { records, .. } => records.is_some(),
        }
    }
}

impl Entry {
    fn new(question: &Question, now: Instant) -> Self {
        Self {
            when: When::Due(now),
            known: match question {
                Question::Host(_) => Known::Host([Vec::new(), Vec::new()]),
                Question::Service(_) => Known::Service {
                    records: None,
                    coming: None,
                },
            },
            failures: 0,
            is_settled: false,
        }
    }
}

impl Book {
    /// These questions are the ones that count from now on; those that are new are due.
    pub(super) fn want(&mut self, questions: BTreeSet<Question>, now: Instant) {
        self.wanted = questions;
        self.make_entries(now);
    }

    /// Everything is due, what is being asked as well; what was never answered is waited for again.
    pub(super) fn ask_anew(&mut self, now: Instant) {
        for entry in self.entries.values_mut() {
            entry.is_settled &= entry.known.is_good();
            entry.when = When::Due(now);
        }
    }

    /// Up to so many questions that are due, which are being asked from now on; first those that have
    /// been due for longest, so that none waits for ever behind many that fail.
    pub(super) fn take_due(&mut self, now: Instant, most: usize) -> Vec<Question> {
        let due = self.entries.iter_mut().filter_map(|(question, entry)| {
            let since = entry.when.due().filter(|at| *at <= now)?;
            Some((since, question, entry))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(since, ..)| *since);
        let taken = due.into_iter().take(most).map(|(_, question, entry)| {
            entry.when = When::Asked;
            question.clone()
        });
        taken.collect()
    }

    /// When the next question falls due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.entries.values().filter_map(|it| it.when.due()).min()
    }

    /// Whether any of these questions, or of those that they lead to, has had no outcome yet.
    pub(super) fn is_open(&self, questions: &BTreeSet<Question>) -> bool {
        let is_unsettled = |question: &Question| {
            let entry = self.entries.get(question);
            entry.is_some_and(|it| !it.is_settled)
        };
        let names = questions.iter().flat_map(|it| self.names(it));
        questions.iter().any(is_unsettled) || names.into_iter().any(|it| is_unsettled(&it))
    }

    /// Takes note of what came of a question.
    pub(super) fn record(
        &mut self,
        question: &Question,
        outcome: Outcome,
        now: Instant,
    ) -> Option<Remark> {
        let entry = self.entries.get_mut(question)?; // nobody wants to know any more
        let remark = entry.record(question, outcome, now);
        // Of a name that changes nothing, and there may be thousands of them.
        if matches!(question, Question::Service(_)) {
            self.make_entries(now);
        }
        if self.let_come() {
            self.make_entries(now);
        }
        remark
    }

    /// What is known, without a number.
    pub(super) fn answers(&self) -> Answers {
        let mut answers = Answers::default();
        for (question, entry) in &self.entries {
            match (question, &entry.known) {
                (Question::Host(name), Known::Host(families)) if entry.known.is_good() => {
                    answers.hosts.insert(Arc::clone(name), families.concat());
                }
                (
                    Question::Service(name),
                    Known::Service {
                        records: Some(records),
                        ..
                    },
                ) => {
                    let (name, records) = (Arc::clone(name), Arc::clone(records));
                    answers.services.insert(name, records);
                }
                (Question::Host(_) | Question::Service(_), _) => {}
            }
        }
        answers
    }

    /// An entry for each question and for each name that services lead to, and no others.
    fn make_entries(&mut self, now: Instant) {
        let names: Vec<_> = self.wanted.iter().flat_map(|it| self.names(it)).collect();
        let needed: BTreeSet<_> = self.wanted.iter().cloned().chain(names).collect();
        self.entries.retain(|question, _| needed.contains(question));
        for question in needed {
            let entry = Entry::new(&question, now);
            self.entries.entry(question).or_insert(entry);
        }
    }

    /// The names that a service leads to by what is known and by what comes.
    fn names(&self, question: &Question) -> Vec<Question> {
        match self.entries.get(question).map(|it| &it.known) {
            Some(Known::Service { records, coming }) => {
                let all = records.iter().chain(coming).flat_map(|it| it.iter());
                let asked = all.filter(|it| !is_loopback(&it.host));
                asked
                    .map(|it| Question::Host(Arc::clone(&it.host)))
                    .collect()
            }
            Some(Known::Host(_)) | None => Vec::new(),
        }
    }

    /// New answers of services count, whose names are known by now; if there are names at all, then at
    /// least one with an address. Whether there was such a service.
    fn let_come(&mut self) -> bool {
        let is_ready = |records: &[ServiceRecord]| {
            let entry =
                |it: &ServiceRecord| self.entries.get(&Question::Host(Arc::clone(&it.host)));
            let is_settled = |it: &ServiceRecord| entry(it).is_none_or(|entry| entry.is_settled);
            let is_good = |it: &ServiceRecord| {
                is_loopback(&it.host) || entry(it).is_some_and(|entry| entry.known.is_good())
            };
            records.iter().all(is_settled) && (records.is_empty() || records.iter().any(is_good))
        };
        let ready = |(question, entry): (&Question, &Entry)| match &entry.known {
            Known::Service {
                coming: Some(coming),
                ..
            } if is_ready(coming) => Some((question.clone(), Arc::clone(coming))),
            Known::Service { .. } | Known::Host(_) => None,
        };
        let ready: Vec<_> = self.entries.iter().filter_map(ready).collect();
        for (question, coming) in &ready {
            if let Some(entry) = self.entries.get_mut(question) {
                entry.known = Known::Service {
                    records: Some(Arc::clone(coming)),
                    coming: None,
                };
            }
        }
        !ready.is_empty()
    }
}

impl Entry {
    fn record(&mut self, question: &Question, outcome: Outcome, now: Instant) -> Option<Remark> {
        self.is_settled = true;
        let (lives, trouble) = self.known.take(outcome);
        let pause = pause(self.failures);
        let next = match (lives, &trouble) {
            (Some(time), None) => time,
            (Some(time), Some(_)) => time.min(pause),
            (None, _) => pause,
        };
        self.when = When::Due(now + next);
        let before = self.failures;
        match trouble {
            None => {
                self.failures = 0;
                let well = || Remark::Well(format!("{} is answered again", name(question)));
                (before > 0).then(well)
            }
            Some(why) => {
                self.failures = before.saturating_add(1);
                let stays = if self.known.is_good() {
                    "what is known stays"
                } else {
                    "nothing is known of it yet"
                };
                let text = format!("cannot resolve {}: {why}: {stays}", name(question));
                (before == 0).then_some(Remark::Trouble(text))
            }
        }
    }
}

impl Known {
    /// Takes over what is good: for how long that is, and what was not.
    fn take(&mut self, outcome: Outcome) -> (Option<Duration>, Option<String>) {
        match (self, outcome) {
            (Self::Host(known), Outcome::Host(found)) => take_families(known, found),
            (Self::Service { coming, .. }, Outcome::Service(Found::Records(records, time))) => {
                *coming = Some(records.into());
                (Some(time.clamp(SHORTEST, LONGEST)), None)
            }
            (Self::Service { .. }, Outcome::Service(Found::Nothing(why) | Found::Unknown(why))) => {
                (None, Some(why))
            }
            (Self::Host(_), Outcome::Service(_)) | (Self::Service { .. }, Outcome::Host(_)) => {
                (None, Some("this answers another question".to_owned()))
            }
        }
    }
}

/// With addresses of one family the other one may have none; a family of which nothing can be learnt
/// keeps what it had.
fn take_families(
    known: &mut [Vec<IpAddr>; 2],
    found: [Found<IpAddr>; 2],
) -> (Option<Duration>, Option<String>) {
    let has_any = found.iter().any(|it| matches!(it, Found::Records(..)));
    let (mut lives, mut unknown, mut nothing) = (None::<Duration>, None, None);
    for (known, found) in known.iter_mut().zip(found) {
        match found {
            Found::Records(addresses, time) => {
                *known = addresses;
                let time = time.clamp(SHORTEST, LONGEST);
                lives = Some(lives.map_or(time, |it| it.min(time)));
            }
            Found::Nothing(_) if has_any => known.clear(),
            Found::Nothing(why) => nothing = Some(why),
            Found::Unknown(why) => unknown = Some(why),
        }
    }
    (lives, unknown.or(nothing))
}

/// The pause after a failure, with so many before it.
fn pause(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

fn name(question: &Question) -> String {
    match question {
        Question::Host(name) => format!("'{name}'"),
        Question::Service(name) => format!("the service '{name}'"),
    }
}
