//! What to ask when, and what an outcome changes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::discovery::answers::{Question, ServiceRecord};
use crate::discovery::book::{Book, Remark};
use crate::discovery::outcome::{Found, Outcome};

const SEC: Duration = Duration::from_secs(1);

fn host(name: &str) -> Question {
    Question::Host(name.into())
}

fn service() -> Question {
    Question::Service("_a._b.c".into())
}

/// Addresses that live so many seconds.
fn found(addresses: &[&str], live: u64) -> Found<IpAddr> {
    let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
    Found::Records(addresses, Duration::from_secs(live))
}

fn none<T>() -> Found<T> {
    Found::Nothing("it has no address".to_owned())
}

fn failed<T>() -> Found<T> {
    Found::Unknown("no name server answers".to_owned())
}

/// A book and the time.
struct Scene {
    book: Book,
    now: Instant,
}

impl Scene {
    fn of(questions: &[Question]) -> Self {
        let mut book = Book::default();
        let now = Instant::now();
        book.want(questions.iter().cloned().collect(), now);
        Self { book, now }
    }

    /// What is due, which is asked from now on.
    fn due(&mut self) -> Vec<Question> {
        self.book.take_due(self.now, 1000)
    }

    /// Asks what is due, this among it, and takes note of what comes of it.
    fn ask(&mut self, question: &Question, outcome: Outcome) -> Option<Remark> {
        let _ = self.due();
        self.book.record(question, outcome, self.now)
    }

    /// In how long something is due, in seconds.
    fn next(&self) -> Option<u64> {
        let due = self.book.next_due()?;
        Some(due.duration_since(self.now).as_secs())
    }

    fn known(&self, name: &str) -> String {
        let answers = self.book.answers();
        let addresses = answers.hosts.get(name).into_iter().flatten();
        let texts: Vec<String> = addresses.map(ToString::to_string).collect();
        texts.join(" ")
    }

    fn servers(&self) -> Option<String> {
        let answers = self.book.answers();
        let records = answers.services.get("_a._b.c")?;
        let texts: Vec<String> = records.iter().map(|it| it.host.to_string()).collect();
        Some(texts.join(" "))
    }
}

#[test]
fn a_name_is_asked_again_when_its_time_to_live_is_over() {
    // The shorter one of two, from a second to an hour.
    let table = [
        (found(&["10.0.0.1"], 60), none(), 60),
        (found(&["10.0.0.1"], 60), found(&["::1"], 20), 20),
        (found(&["10.0.0.1"], 0), none(), 1),
        (none(), found(&["::1"], 1_000_000), 3600),
    ];
    for (v4, v6, seconds) in table {
        let mut scene = Scene::of(&[host("web")]);
        assert_eq!(scene.due(), [host("web")]);
        assert_eq!(scene.due(), [], "it is being asked");
        assert_eq!(scene.next(), None);
        assert_eq!(scene.ask(&host("web"), Outcome::Host([v4, v6])), None);
        assert_eq!(scene.next(), Some(seconds));
        scene.now += Duration::from_secs(seconds) - SEC / 1000;
        assert_eq!(scene.due(), []);
        scene.now += SEC;
        assert_eq!(scene.due(), [host("web")]);
    }
}

#[test]
fn the_last_good_answer_stays_and_pauses_grow_and_one_line_says_so() {
    for outcome in [
        Outcome::Host([failed(), failed()]),
        Outcome::Host([none(), none()]),
        Outcome::Host([none(), failed()]),
    ] {
        let mut scene = Scene::of(&[host("web")]);
        let good = Outcome::Host([found(&["10.0.0.1"], 60), found(&["::1"], 60)]);
        assert_eq!(scene.ask(&host("web"), good.clone()), None);
        let mut remarks = Vec::new();
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            scene.now += Duration::from_secs(60);
            remarks.extend(scene.ask(&host("web"), outcome.clone()));
            assert_eq!(scene.next(), Some(pause), "{outcome:?}");
            assert_eq!(scene.known("web"), "10.0.0.1 ::1", "{outcome:?}");
        }
        assert!(
            matches!(&remarks[..], [Remark::Trouble(text)] if text.starts_with("cannot resolve 'web': ")
                && text.ends_with(": what is known stays")),
            "{remarks:?}"
        );
        scene.now += Duration::from_secs(60);
        let well = "'web' is answered again".to_owned();
        assert_eq!(scene.ask(&host("web"), good), Some(Remark::Well(well)));
        assert_eq!(scene.next(), Some(60));
    }
}

#[test]
fn a_family_that_fails_keeps_what_it_had_and_one_that_has_none_loses_it() {
    let (four, six) = (|| found(&["10.0.0.2"], 60), || found(&["::2"], 60));
    let table = [
        ([four(), six()], "10.0.0.2 ::2", false),
        ([four(), none()], "10.0.0.2", false),
        ([none(), six()], "::2", false),
        ([four(), failed()], "10.0.0.2 ::1", true),
        ([failed(), six()], "10.0.0.1 ::2", true),
        ([failed(), none()], "10.0.0.1 ::1", true),
    ];
    for (outcome, wanted, is_trouble) in table {
        let mut scene = Scene::of(&[host("web")]);
        let first = Outcome::Host([found(&["10.0.0.1"], 60), found(&["::1"], 60)]);
        scene.ask(&host("web"), first);
        scene.now += Duration::from_secs(60);
        let remark = scene.ask(&host("web"), Outcome::Host(outcome.clone()));
        assert_eq!(scene.known("web"), wanted, "{outcome:?}");
        assert_eq!(remark.is_some(), is_trouble, "{outcome:?}");
        assert_eq!(scene.next(), Some(if is_trouble { 1 } else { 60 }));
    }
}

fn servers(names: &[&str], live: u64) -> Outcome {
    let record = |name: &&str| ServiceRecord {
        priority: 1,
        weight: 1,
        port: 80,
        host: (*name).into(),
    };
    let records = names.iter().map(record).collect();
    Outcome::Service(Found::Records(records, Duration::from_secs(live)))
}

#[test]
fn a_new_answer_of_a_service_counts_once_its_names_are_known() {
    let questions = [service()].into();
    let good = |address| Outcome::Host([found(&[address], 60), none()]);
    let mut scene = Scene::of(&[service()]);
    scene.ask(&service(), servers(&["a.", "x.localhost."], 60));
    assert_eq!(scene.servers(), None, "nobody knows where a is");
    assert!(scene.book.is_open(&questions));
    assert_eq!(scene.due(), [host("a.")]);
    scene.ask(&host("a."), good("10.0.0.1"));
    assert_eq!(scene.servers().as_deref(), Some("a. x.localhost."));
    assert!(!scene.book.is_open(&questions));
    scene.now += Duration::from_secs(60);
    scene.ask(&service(), servers(&["b."], 60));
    assert_eq!(scene.servers().as_deref(), Some("a. x.localhost."));
    scene.ask(&host("b."), Outcome::Host([failed(), failed()]));
    assert_eq!(
        scene.servers().as_deref(),
        Some("a. x.localhost."),
        "whom nobody finds takes nobody's place"
    );
    scene.now += SEC;
    scene.ask(&host("b."), good("10.0.0.2"));
    assert_eq!(scene.servers().as_deref(), Some("b."));
    scene.now += Duration::from_secs(3600);
    assert_eq!(scene.due(), [service(), host("b.")], "a is forgotten");
    scene.ask(&service(), servers(&["b.", "c."], 60));
    assert_eq!(scene.servers().as_deref(), Some("b."), "c is not asked yet");
    scene.ask(&host("c."), Outcome::Host([failed(), failed()]));
    assert_eq!(scene.servers().as_deref(), Some("b. c."));
    scene.now += Duration::from_secs(60);
    scene.ask(&service(), servers(&["b."], 60));
    scene.ask(&service(), Outcome::Service(none()));
    assert_eq!(scene.servers().as_deref(), Some("b."), "no answer");
    scene.ask(&service(), servers(&[], 60));
    assert_eq!(
        scene.servers().as_deref(),
        Some(""),
        "it says that it is not there"
    );
}

#[test]
fn who_waits_waits_for_one_outcome_of_what_is_new() {
    let (a, b) = (host("a"), host("b"));
    let both = [a.clone(), b.clone()].into();
    let mut scene = Scene::of(&[a.clone(), b.clone()]);
    scene.ask(&a, Outcome::Host([found(&["10.0.0.1"], 60), none()]));
    assert!(scene.book.is_open(&both));
    scene.ask(&b, Outcome::Host([failed(), failed()]));
    assert!(!scene.book.is_open(&both), "an outcome is an outcome");
    scene.book.ask_anew(scene.now);
    assert!(scene.book.is_open(&both), "b may be known by now");
    assert!(!scene.book.is_open(&[a.clone()].into()), "a is known");
    assert_eq!(scene.due(), [a, b.clone()], "both are asked all the same");
    scene.book.want([b.clone()].into(), scene.now);
    assert_eq!(scene.known("a"), "", "nobody wants to know");
    scene.ask(&b, Outcome::Host([found(&["10.0.0.2"], 60), none()]));
    assert_eq!(scene.known("b"), "10.0.0.2");
}

#[test]
fn a_name_that_is_due_does_not_wait_behind_many_that_fail() {
    let all: Vec<Question> = (0..100).map(|it| host(&format!("{it:02}"))).collect();
    let mut scene = Scene::of(&all);
    let mut asked = Vec::new();
    for _ in 0..25 {
        for question in scene.book.take_due(scene.now, 4) {
            let outcome = Outcome::Host([failed(), failed()]);
            scene.book.record(&question, outcome, scene.now);
            asked.push(question);
        }
        scene.now += SEC;
    }
    asked.sort();
    asked.dedup();
    assert_eq!(asked, all, "each had its turn before any had another one");
}
