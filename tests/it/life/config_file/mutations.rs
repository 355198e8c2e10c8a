//! Files that were right until something happened to them: each is taken or refused with its lines, and
//! nothing panics.

use proptest::prelude::*;

use l4lb::config::file;

use super::{EXAMPLE, good};

/// The example as JSON, which has no comments.
const JSON: &str = r#"{
  "workers": "auto",
  "log": { "level": "info" },
  "admin": { "listen": "127.0.0.1:9090" },
  "listener": [
    { "name": "web", "listen": ["0.0.0.0:9000", "[::1]:9000"], "pool": "app", "max_connections": 5000 }
  ],
  "pool": {
    "app": {
      "retries": 2,
      "slow_start": "30s",
      "health": { "type": "http", "path": "/", "status": "200-299,401" },
      "eject": { "failures": 5 },
      "backends": ["10.0.0.1:8080", { "name": "b2", "address": "10.0.0.2:8080", "weight": 2 }]
    }
  }
}
"#;

/// What happens to a text; places are shares of its length, of which 65,536 are the whole.
#[derive(Clone, Debug)]
enum Mishap {
    Cut(u16, u16),
    Insert(u16, String),
    /// The first line also stands where the second is.
    CopyLine(u16, u16),
    DropLine(u16),
    /// From here on there is nothing.
    End(u16),
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let token = prop_oneof![
        proptest::sample::select(
            &[
                "\"",
                "'",
                "[",
                "]",
                "[[",
                "]]",
                "{",
                "}",
                "=",
                ",",
                ".",
                ":",
                "#",
                "\n",
                "\r",
                "\0",
                "\\",
                "\"\"\"",
                "-1",
                "0",
                "99999999999999999999",
                "1.5",
                "true",
                "null",
                "\"off\"",
                "\"5\"",
                "[]",
                "{}",
                "\u{feff}",
                "\u{e9}",
                "\\u0000",
                "[pool.app]\n",
                "[[listener]]\n",
                "backends = []\n",
                "type = \"http\"\n",
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{1,4}",
    ];
    prop_oneof![
        (any::<u16>(), 1..300_u16).prop_map(|(at, length)| Mishap::Cut(at, length)),
        (any::<u16>(), token).prop_map(|(at, token)| Mishap::Insert(at, token)),
        any::<(u16, u16)>().prop_map(|(from, to)| Mishap::CopyLine(from, to)),
        any::<u16>().prop_map(Mishap::DropLine),
        any::<u16>().prop_map(Mishap::End),
    ]
}

fn befall(text: &str, mishap: &Mishap) -> String {
    let share = |share: u16, of: usize| usize::from(share) * of / 65_536;
    let place = |at: u16| text.floor_char_boundary(share(at, text.len() + 1));
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    match mishap {
        Mishap::Cut(at, length) => {
            let start = place(*at);
            let end = start + share(*length, text.len());
            let end = text.ceil_char_boundary(end.max(start + 1).min(text.len()));
            [&text[..start], &text[end..]].concat()
        }
        Mishap::Insert(at, token) => {
            let (before, after) = text.split_at(place(*at));
            [before, token, after].concat()
        }
        Mishap::CopyLine(from, to) => {
            if let Some(line) = lines.get(share(*from, lines.len())).copied() {
                lines.insert(share(*to, lines.len()), line);
            }
            lines.concat()
        }
        Mishap::DropLine(at) => {
            if !lines.is_empty() {
                lines.remove(share(*at, lines.len()));
            }
            lines.concat()
        }
        Mishap::End(at) => text[..place(*at)].to_owned(),
    }
}

/// A file is right and can be shown, or it is wrong and each error names a line that it has.
fn expect_verdict(name: &str, text: &str) {
    match file::parse(name, text.as_bytes()) {
        Ok(document) => {
            assert!(document.config(2).workers > 0);
            good::expect_round_trip(name, text);
        }
        Err(faults) => {
            let sentences = faults.sentences();
            assert!(!sentences.is_empty());
            for sentence in &sentences {
                let mut parts = sentence.splitn(3, ':');
                let mut number = || parts.next().unwrap().parse::<usize>().unwrap();
                let (line, column) = (number(), number());
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                let line = text.split('\n').nth(line - 1).expect("a line of the file");
                assert!(
                    (1..=line.chars().count() + 1).contains(&column),
                    "{sentence}"
                );
                assert!(!sentence.contains("unforeseen"), "{sentence}\n{text}");
            }
            assert!(
                sentences.is_sorted_by_key(|it| it
                    .split(':')
                    .next()
                    .unwrap()
                    .parse::<usize>()
                    .unwrap())
            );
            let picture = faults.render(false);
            assert!(picture.starts_with(&format!("{name}:{}\n", sentences[0])));
        }
    }
}

#[test]
fn before_any_mishap_both_files_are_right() {
    good::expect_round_trip("l4lb.toml", EXAMPLE);
    good::expect_round_trip("l4lb.json", JSON);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_example_after_mishaps_is_taken_or_refused_with_lines(
        mishaps in proptest::collection::vec(mishap(), 1..5),
    ) {
        for (name, text) in [("l4lb.toml", EXAMPLE), ("l4lb.json", JSON)] {
            expect_verdict(name, &mishaps.iter().fold(text.to_owned(), |text, it| befall(&text, it)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,100}") {
        for name in ["l4lb.toml", "l4lb.json"] {
            if let Err(faults) = file::parse(name, &bytes) {
                prop_assert!(!faults.render(true).is_empty());
            }
            expect_verdict(name, &text);
        }
    }
}
