//! From names to backends.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;

use crate::config::{Config, backend_spec, file};
use crate::discovery::answers::{Answers, Question, ServiceRecord};
use crate::discovery::expand::{MOST_BACKENDS, expand, news, questions};

/// A configuration with the pool `app`, whose backends are given as on the command line.
fn config(specs: &[&str]) -> Config {
    let text = "[[listener]]\nname=\"web\"\nlisten=\":1\"\npool=\"app\"\n\
                [pool.app]\nbackends = [\"10.9.9.9:1\"]\n";
    let Ok(document) = file::parse("l4lb.toml", text.as_bytes()) else {
        panic!("{text}");
    };
    let mut config = document.config(1);
    let backends = specs.iter().map(|spec| backend_spec(spec).unwrap());
    config.pools[0].backends = backends.collect();
    config
}

fn record(text: &str) -> ServiceRecord {
    let words: Vec<&str> = text.split(' ').collect();
    ServiceRecord {
        priority: words[0].parse().unwrap(),
        weight: words[1].parse().unwrap(),
        port: words[2].parse().unwrap(),
        host: words[3].into(),
    }
}

/// `name: address address`, or `_service: record, record`.
fn answers(lines: &[&str]) -> Answers {
    let mut answers = Answers::default();
    for line in lines {
        let (name, rest) = line.split_once(": ").unwrap_or((line, ""));
        if name.starts_with('_') {
            let records = rest.split(", ").filter(|it| !it.is_empty()).map(record);
            answers.services.insert(name.into(), records.collect());
        } else {
            let addresses = rest.split_whitespace().map(|it| it.parse().unwrap());
            answers.hosts.insert(name.into(), addresses.collect());
        }
    }
    answers
}

/// `name address weight`, with `b` for a backup and the limit where there is one.
fn shown(specs: &[&str], lines: &[&str]) -> Vec<String> {
    let expanded = expand(&config(specs), &answers(lines)).config;
    let backends = expanded.pools[0].backends.iter();
    let text = backends.map(|it| {
        let backup = if it.backup { " b" } else { "" };
        let limit = it.max_connections.map(|it| format!(" <={it}"));
        let limit = limit.unwrap_or_default();
        format!("{} {} {}{backup}{limit}", it.name, it.target, it.weight)
    });
    text.collect()
}

#[test]
fn an_entry_becomes_a_backend_for_each_of_its_addresses() {
    let web = "web.example: ::1 10.0.0.2 10.0.0.1 10.0.0.2";
    let table: [(&[&str], &[&str], &[&str]); 8] = [
        // An address is what it is.
        (&["a=10.0.0.1:80,weight=3"], &[], &["a 10.0.0.1:80 3"]),
        // Nobody is there yet.
        (
            &["web.example:80", "a=10.0.0.1:80"],
            &[],
            &["a 10.0.0.1:80 1"],
        ),
        // Sorted, each once, and named by their addresses.
        (
            &["web.example:80"],
            &[web],
            &[
                "10.0.0.1:80 10.0.0.1:80 1",
                "10.0.0.2:80 10.0.0.2:80 1",
                "[::1]:80 [::1]:80 1",
            ],
        ),
        // A name of their own is kept, and so is all the rest.
        (
            &["w=web.example:80,weight=2,max-connections=9,backup"],
            &["web.example: 10.0.0.1 ::1"],
            &[
                "w@10.0.0.1:80 10.0.0.1:80 2 b <=9",
                "w@[::1]:80 [::1]:80 2 b <=9",
            ],
        ),
        // Two ports of a name are two servers.
        (
            &["web.example:80", "web.example:81"],
            &["web.example: 10.0.0.1"],
            &["10.0.0.1:80 10.0.0.1:80 1", "10.0.0.1:81 10.0.0.1:81 1"],
        ),
        // The machine itself is nobody else's business, whatever they say.
        (
            &["localhost:80", "s=a.LocalHost.:81,weight=5"],
            &["localhost: 10.6.6.6", "a.LocalHost.: 10.6.6.6"],
            &["localhost:80 127.0.0.1:80 1", "s 127.0.0.1:81 5"],
        ),
        // The first entry that leads to an address counts, whether it has it written or found.
        (
            &[
                "a=10.0.0.1:80,weight=7",
                "w=web.example:80",
                "b=10.0.0.2:80,weight=9",
            ],
            &["web.example: 10.0.0.1 10.0.0.2 10.0.0.3"],
            &[
                "a 10.0.0.1:80 7",
                "w@10.0.0.2:80 10.0.0.2:80 1",
                "w@10.0.0.3:80 10.0.0.3:80 1",
            ],
        ),
        // Whoever has written an address twice has meant it.
        (
            &["a=10.0.0.1:80", "b=10.0.0.1:80"],
            &[],
            &["a 10.0.0.1:80 1", "b 10.0.0.1:80 1"],
        ),
    ];
    for (specs, lines, wanted) in table {
        assert_eq!(shown(specs, lines), wanted, "{specs:?} {lines:?}");
    }
}

#[test]
fn a_service_has_ports_weights_and_priorities() {
    let hosts = ["a.: 10.0.0.1", "b.: 10.0.0.2 ::2"];
    let with = |service| [&hosts[..], &[service]].concat();
    let service = "srv:_http._tcp.web";
    let table: [(&str, &str, &[&str]); 8] = [
        (
            service,
            "_http._tcp.web: 10 5 8080 a., 10 0 8081 b.",
            &[
                "10.0.0.1:8080 10.0.0.1:8080 5",
                "10.0.0.2:8081 10.0.0.2:8081 1",
                "[::2]:8081 [::2]:8081 1",
            ],
        ),
        // The lowest number is the first choice, all others are backups.
        (
            "s=srv:_http._tcp.web,weight=3",
            "_http._tcp.web: 30 1 82 a., 20 2 81 a., 10 4 80 a.",
            &[
                "s@10.0.0.1:80 10.0.0.1:80 12",
                "s@10.0.0.1:81 10.0.0.1:81 6 b",
                "s@10.0.0.1:82 10.0.0.1:82 3 b",
            ],
        ),
        (
            "s=srv:_http._tcp.web,backup,max-connections=4",
            "_http._tcp.web: 10 1 80 a.",
            &["s@10.0.0.1:80 10.0.0.1:80 1 b <=4"],
        ),
        (
            "s=srv:_http._tcp.web,weight=2000",
            "_http._tcp.web: 10 40000 80 a.",
            &["s@10.0.0.1:80 10.0.0.1:80 65535"],
        ),
        (
            "s=srv:_http._tcp.web,weight=0",
            "_http._tcp.web: 10 5 80 a.",
            &["s@10.0.0.1:80 10.0.0.1:80 0"],
        ),
        // One server twice: what is said of it first counts, the heavier one where that is alike.
        (
            service,
            "_http._tcp.web: 20 9 80 a., 10 2 80 a., 10 3 80 a.",
            &["10.0.0.1:80 10.0.0.1:80 3"],
        ),
        (
            service,
            "_http._tcp.web: 0 1 80 x.localhost.",
            &["127.0.0.1:80 127.0.0.1:80 1"],
        ),
        (service, "_http._tcp.web", &[]),
    ];
    for (spec, answer, wanted) in table {
        assert_eq!(shown(&[spec], &with(answer)), wanted, "{spec} {answer}");
    }
}

#[test]
fn what_dns_says_is_bounded() {
    let many = |count: u32| {
        let addresses = (0..count).map(|it| IpAddr::from((0x0a00_0000 + it).to_be_bytes()));
        Answers {
            hosts: [(Arc::from("web.example"), addresses.collect())].into(),
            ..Answers::default()
        }
    };
    let config = config(&["web.example:80", "a=10.200.0.1:80"]);
    let whole = expand(&config, &many(1000));
    assert_eq!(
        (whole.config.pools[0].backends.len(), whole.cut.len()),
        (1001, 0)
    );
    let cut = expand(&config, &many(1001));
    assert_eq!(cut.config.pools[0].backends.len(), MOST_BACKENDS + 1);
    let said = "pool app: web.example:80 stands for 1001 backends: the first 1000 are used";
    assert_eq!(cut.cut.into_iter().collect::<Vec<_>>(), [said]);
}

#[test]
fn each_name_is_asked_once_and_the_machine_itself_never() {
    let config = config(&[
        "web.example:80",
        "web.example:81",
        "10.0.0.1:80",
        "localhost:80",
        "srv:_a._b.c",
    ]);
    let asked: Vec<Question> = questions(&config).into_iter().collect();
    let host = Question::Host("web.example".into());
    assert_eq!(asked, [host, Question::Service("_a._b.c".into())]);
}

#[test]
fn news_say_who_came_and_who_went_and_by_which_name() {
    let config = config(&["w=web.example:80", "srv:_a._b.c", "10.0.0.9:80"]);
    let of = |lines: &[&str]| answers(lines);
    let table: [(Answers, Answers, &[&str]); 5] = [
        (of(&[]), of(&[]), &[]),
        (
            of(&["web.example: 10.0.0.2 10.0.0.1"]),
            of(&["web.example: 10.0.0.1 10.0.0.2"]),
            &[],
        ),
        (
            of(&["web.example: 10.0.0.1 10.0.0.2"]),
            of(&["web.example: 10.0.0.2 10.0.0.3"]),
            &["pool app: +10.0.0.3:80 -10.0.0.1:80 (web.example:80)"],
        ),
        (
            of(&["a.: 10.0.0.1", "_a._b.c: 1 1 80 a."]),
            of(&["a.: 10.0.0.1", "_a._b.c: 1 7 80 a."]),
            &["pool app: other weights or priorities (srv:_a._b.c)"],
        ),
        (
            of(&[]),
            of(&[
                "web.example: 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 \
                  10.0.0.7 10.0.0.8 10.0.0.9 10.0.0.10 10.0.0.11 10.0.0.12",
            ]),
            &[
                "pool app: +10.0.0.1:80 +10.0.0.2:80 +10.0.0.3:80 +10.0.0.4:80 +10.0.0.5:80 \
               +10.0.0.6:80 +10.0.0.7:80 +10.0.0.8:80 +10.0.0.9:80 +10.0.0.10:80 and 2 more \
               (web.example:80)",
            ],
        ),
    ];
    for (before, after, wanted) in table {
        assert_eq!(news(&config, &before, &after), wanted);
    }
}

proptest! {
    #[test]
    fn an_answer_in_another_order_changes_nothing(
        records in proptest::collection::vec((0..3_u16, 0..4_u16, 80..82_u16, 0..3_usize), 0..8)
            .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        addresses in proptest::collection::vec(0..5_u8, 0..6)
            .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
    ) {
        let of = |records: &[(u16, u16, u16, usize)], last: &[u8]| {
            let hosts = ["a.", "b.", "web.example"].map(Arc::<str>::from);
            let addresses = |number: usize| {
                let number = u8::try_from(number).unwrap();
                last.iter().map(move |it| IpAddr::from([10, 0, number, *it])).collect::<Vec<_>>()
            };
            let record = |&(priority, weight, port, host): &(u16, u16, u16, usize)| ServiceRecord {
                priority, weight, port, host: Arc::clone(&hosts[host]),
            };
            let known = hosts.iter().cloned().zip((0..3).map(addresses));
            Answers {
                number: 0,
                hosts: known.collect(),
                services: [("_a._b.c".into(), records.iter().map(record).collect())].into(),
            }
        };
        let config = config(&["w=web.example:80", "s=srv:_a._b.c"]);
        let backends = |answers: &Answers| expand(&config, answers).config.pools.remove(0).backends;
        let one = backends(&of(&records.0, &addresses.0));
        prop_assert_eq!(&one, &backends(&of(&records.1, &addresses.1)));
        let mut names: Vec<_> = one.iter().map(|it| &it.name).collect();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), one.len(), "each name once");
    }
}
