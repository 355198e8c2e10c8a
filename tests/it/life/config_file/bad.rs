//! Wrong files, each with all that is wrong and where. Lines and columns count from 1.

mod values;

use l4lb::config::file;

use super::SMALL;
use values::AFTER_SMALL;

/// Holds the errors of a file against places and pieces of sentences: no more, no less, in this order.
#[track_caller]
pub(super) fn expect(name: &str, bytes: &[u8], wanted: &[&str]) {
    let faults = file::parse(name, bytes).expect_err("the file is wrong");
    let found = faults.sentences();
    let picture = faults.render(false);
    assert_eq!(found.len(), wanted.len(), "{wanted:?}\n{picture}");
    for (sentence, wanted) in found.iter().zip(wanted) {
        let (place, piece) = wanted.split_once(": ").unwrap();
        assert!(
            sentence.starts_with(&format!("{place}: ")),
            "{wanted}\n{picture}"
        );
        assert!(sentence.contains(piece), "{wanted}\n{picture}");
        assert!(picture.contains(&format!("{name}:{sentence}")), "{picture}");
    }
}

#[test]
fn every_wrong_value_is_told_with_its_place() {
    for (text, wanted) in AFTER_SMALL {
        expect("l4lb.toml", format!("{SMALL}{text}\n").as_bytes(), wanted);
        // Line ends as other systems write them change nothing.
        let text = format!("{SMALL}{text}\n").replace('\n', "\r\n");
        expect("l4lb.toml", text.as_bytes(), wanted);
    }
}

#[test]
fn every_wrong_value_at_the_top_is_told_with_its_place() {
    let table: [(&str, &[&str]); 11] = [
        (
            "workers = 0",
            &["1:11: workers: 0 is not a whole number from 1 to 64 or \"auto\""],
        ),
        ("workers = 65", &["1:11: 65 is not"]),
        (
            "workers = \"all\"",
            &["1:11: \"all\" is not a whole number from 1 to 64 or \"auto\""],
        ),
        ("workers = []", &["1:11: an array stands where"]),
        ("max_connections = 0", &["1:19: from 1 to 4294967295"]),
        ("drain_timeout = 30", &["1:17: write 30s or 30ms"]),
        ("worker = 1", &["1:1: unknown key \"worker\""]),
        ("\"a b\" = 1", &["1:1: unknown key \"a b\""]),
        (
            "log.level = \"loud\"",
            &["1:13: log.level: \"loud\" is not one of error, warn"],
        ),
        ("log = 1", &["1:7: a whole number stands where a table"]),
        ("log.\u{e9} = 1", &["1:5: invalid unquoted key"]),
    ];
    for (text, wanted) in table {
        expect("l4lb.toml", format!("{text}\n{SMALL}").as_bytes(), wanted);
    }
}

#[test]
fn the_nearest_key_and_the_nearest_word_are_offered() {
    let table = [
        ("balanec = \"first\"", "did you mean balance?"),
        ("balance = \"roundrobin\"", "did you mean round-robin?"),
        ("health = { typo = \"tcp\" }", "did you mean type?"),
        ("colour = 1", "there are balance, connect_timeout, retries"),
        (
            "[[listener]]\nname=\"b\"\nlisten=\":1\"\npool=\"aps\"",
            "did you mean app?",
        ),
    ];
    for (text, advice) in table {
        let text = format!("{SMALL}{text}\n");
        let faults = file::parse("l4lb.toml", text.as_bytes()).unwrap_err();
        let picture = faults.render(false);
        assert!(picture.contains(&format!("^ {advice}")), "{picture}");
    }
}

#[test]
fn an_address_is_taken_once_in_the_whole_file() {
    let table = [
        (":9000", ":9000", true),
        (":9000", "0.0.0.0:9000", true),
        (":9000", "10.0.0.1:9000", true),
        (":9000", "[::1]:9000", true),
        ("10.0.0.1:9000", ":9000", true),
        ("0.0.0.0:9000", "10.0.0.1:9000", true),
        ("10.0.0.1:9000", "0.0.0.0:9000", true),
        ("[::1]:9000", "[::1]:9000", true),
        ("0.0.0.0:9000", "[::1]:9000", false),
        ("[::1]:9000", "[::2]:9000", false),
        ("10.0.0.1:9000", "10.0.0.2:9000", false),
        (":9000", ":9001", false),
        (":0", ":0", false),
    ];
    for (first, second, is_taken) in table {
        let small = SMALL.replace(":9000", first);
        let listener = "[[listener]]\nname = \"b\"\npool = \"app\"";
        let token = "token_file = \"token\"";
        for (text, place) in [
            (format!("{small}{listener}\nlisten = \"{second}\""), "10:10"),
            (
                format!("{small}{listener}\nlisten = [\"{second}\"]"),
                "10:11",
            ),
            (
                format!("{small}[admin]\nlisten = \"{second}\"\n{token}"),
                "8:10",
            ),
        ] {
            if is_taken {
                let wanted = format!("{place}: is taken: line 3 listens there already");
                expect("l4lb.toml", text.as_bytes(), &[&wanted]);
            } else {
                super::config_of("l4lb.toml", &text);
            }
        }
    }
}

#[test]
fn all_errors_come_at_once_in_the_order_of_the_file() {
    let text = "workres = 1\ndrain_timeout = 30\n[[listener]]\nname = \"web\"\nlisten = \"x\"\npool = \"b\"\n\
                [pool.app]\nretries = -1\nbackends = []\n";
    let wanted = [
        "1:1: unknown key",
        "2:17: has no unit",
        "5:10: has no port",
        "6:8: there is no pool",
        "8:11: -1 is not",
        "9:12: at least one",
    ];
    expect("l4lb.toml", text.as_bytes(), &wanted);
}

#[test]
fn a_file_without_a_listener_or_a_pool_is_wrong() {
    let both: [&str; 2] = ["1:1: listener is missing", "1:1: pool is missing"];
    expect("l4lb.toml", b"", &both);
    expect("l4lb.toml", b"# nothing\n", &both);
    expect("l4lb.json", b"{}", &both);
    let none = "listener = []\n[pool.app]\nbackends = [\"a:1\"]";
    expect(
        "l4lb.toml",
        none.as_bytes(),
        &["1:12: listener: at least one"],
    );
}

#[test]
fn errors_of_syntax_come_with_the_other_errors_of_what_could_be_read() {
    let table: [(&str, &[&str]); 8] = [
        (
            "workers = \nlog = 1",
            &["1:11: a value is missing", "2:7: stands where a table"],
        ),
        (
            "workers = 01\nworkres = 1",
            &["1:11: leading zero", "2:1: unknown key"],
        ),
        (
            "workers 1\n[pool.b]\nretries = -1",
            &["1:9: expected", "3:11: -1 is not"],
        ),
        ("[pool.b\nretries = -1", &["1:8: "]),
        (
            "log.level = \"x\nb = 1",
            &["1:15: invalid basic string", "2:1: unknown key"],
        ),
        (
            "a = [1, 2\nb = 3\nc = 4",
            &["1:1: unknown key", "2:1: missing comma"],
        ),
        ("a = 1\na = 2", &["1:1: unknown key", "2:1: duplicate key"]),
        ("workers = 1 \0", &["1:11: "]),
    ];
    for (text, wanted) in table {
        expect("l4lb.toml", text.as_bytes(), wanted);
    }
}

#[test]
fn json_has_the_same_errors_in_its_own_places() {
    let small = "{\n \"listener\": [{\"name\": \"web\", \"listen\": \":9000\", \"pool\": \"app\"}],\n \"pool\": \
                 {\"app\": {\"backends\": [\"10.0.0.1:80\"]}},\n ";
    let table: [(&str, &[&str]); 16] = [
        ("\"workres\": 1}", &["4:2: unknown key \"workres\""]),
        (
            "\"workers\": \"1\"}",
            &["4:13: \"1\" is not a whole number from 1 to 64 or \"auto\""],
        ),
        ("\"workers\": 1.5}", &["4:13: a fraction stands where"]),
        ("\"workers\": 1e400}", &["4:17: number out of range"]),
        ("\"workers\": null}", &["4:13: null stands where"]),
        (
            "\"log\": {\"level\": \"inof\"}}",
            &["4:19: one of error, warn"],
        ),
        ("\"drain_timeout\": 30}", &["4:19: '30' has no unit"]),
        (
            "\"workers\": 1, \"workers\": 2}",
            &["4:16: duplicate key \"workers\""],
        ),
        ("\"workers\": 1,}", &["4:15: trailing comma"]),
        ("\"workers\": 01}", &["4:14: invalid number"]),
        ("\"workers\": 1} x", &["4:16: trailing characters"]),
        ("// no\n\"workers\": 1}", &["4:2: key must be a string"]),
        ("\"workers\": 'a'}", &["4:13: expected value"]),
        ("\"workers\": \"\\ud800\"}", &["4:20: "]),
        ("\"workers\": \"\u{1}\"}", &["4:14: control character"]),
        ("\"workers\": [", &["4:13: EOF while parsing"]),
    ];
    for (text, wanted) in table {
        expect("l4lb.json", format!("{small}{text}").as_bytes(), wanted);
    }
    expect("l4lb.json", b"", &["1:1: EOF"]);
    expect("l4lb.json", b"[]", &["1:1: an array stands where a table"]);
}

#[test]
fn what_is_no_text_or_too_much_of_it_is_refused() {
    let long = "#".repeat(1024 * 1024 + 1);
    expect(
        "l4lb.toml",
        long.as_bytes(),
        &["1:1: more than 1048576 bytes"],
    );
    expect(
        "l4lb.json",
        long.as_bytes(),
        &["1:1: more than 1048576 bytes"],
    );
    expect("l4lb.toml", b"# a\nx = \"\xff\"", &["2:6: not UTF-8"]);
    expect("l4lb.toml", b"\xff\xfea\0", &["1:1: not UTF-8"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    expect("l4lb.json", deep.as_bytes(), &["1:128: recursion limit"]);
    let objects = "{\"a\":".repeat(100_000);
    expect("l4lb.json", objects.as_bytes(), &["1:636: recursion limit"]);
    let arrays = format!("workers = {deep}\n{SMALL}");
    expect("l4lb.toml", arrays.as_bytes(), &["1:91: recursion depth"]);
    let keys = format!("{}x = 1\n{SMALL}", "a.".repeat(100_000));
    expect("l4lb.toml", keys.as_bytes(), &["1:1: recursion limit"]);
}

#[test]
fn a_mark_of_byte_order_is_no_part_of_the_text() {
    super::config_of("l4lb.toml", &format!("\u{feff}{SMALL}"));
    expect(
        "l4lb.toml",
        format!("\u{feff}x = 1\n{SMALL}").as_bytes(),
        &["1:1: unknown key"],
    );
}
