//! Wrong files, each with all that is wrong and where. Lines and columns count from 1.

use l4lb::config::file;

use super::SMALL;

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

/// What is wrong after [`SMALL`], whose last table is `[pool.app]` and whose lines are six.
const AFTER_SMALL: [(&str, &[&str]); 62] = [
    (
        "balanec = \"first\"",
        &["7:1: pool.app: unknown key \"balanec\""],
    ),
    (
        "balance = \"fastest\"",
        &["7:11: \"fastest\" is not one of round-robin, least-"],
    ),
    (
        "balance = 1",
        &["7:11: a whole number stands where one of round-robin"],
    ),
    (
        "retries = \"2\"",
        &["7:11: a string stands where a whole number from 0 to 254"],
    ),
    (
        "retries = 255",
        &["7:11: 255 is not a whole number from 0 to 254"],
    ),
    ("retries = -1", &["7:11: -1 is not a whole number"]),
    (
        "retries = 1.5",
        &["7:11: a fraction stands where a whole number"],
    ),
    (
        "retries = 1979-05-27",
        &["7:11: a date or time stands where a whole number"],
    ),
    (
        "retries = 99999999999999999999999999",
        &["7:11: is not a whole number from 0 to 254"],
    ),
    (
        "connect_timeout = 3",
        &["7:19: connect_timeout: '3' has no unit: write 3s or 3ms"],
    ),
    (
        "connect_timeout = \"3\"",
        &["7:19: '3' has no unit: write 3s or 3ms"],
    ),
    ("connect_timeout = \"3 parsecs\"", &["7:19: not a duration"]),
    ("connect_timeout = \"0s\"", &["7:19: too short"]),
    (
        "queue_timeout = \"400d\"",
        &["7:17: queue_timeout: '400d' is too long"],
    ),
    (
        "slow_start = true",
        &["7:14: true or false stands where a string"],
    ),
    (
        "hedge = \"yes\"",
        &["7:9: a string stands where true or false"],
    ),
    ("on_down = \"kep\"", &["7:11: one of keep, drain, reset"]),
    ("all_down = \"try_all\"", &["7:12: one of reject, try-all"]),
    ("health = \"tcp\"", &["7:10: a string stands where a table"]),
    (
        "health = { type = \"udp\" }",
        &["7:19: one of tcp, http, send-expect, off"],
    ),
    (
        "health = { type = \"http\" }",
        &["7:10: pool.app.health: checks of type http need path"],
    ),
    (
        "health = { type = \"send-expect\" }",
        &["7:10: checks of type send-expect need expect"],
    ),
    (
        "health = { path = \"/\" }",
        &["7:12: path belongs to checks of type http, not tcp"],
    ),
    (
        "health = { type = \"off\", send = \"x\" }",
        &["7:26: send belongs to checks of type send-expect, not off"],
    ),
    (
        "health = { type = \"http\", path = \"x\" }",
        &["7:34: a path begins with '/'"],
    ),
    (
        "health = { type = \"http\", path = \"/a b\" }",
        &["7:34: a path has no spaces"],
    ),
    (
        "health = { type = \"http\", path = \"/\", host = \"a\\r\\nb\" }",
        &["7:46: a host has 1 to"],
    ),
    (
        "health = { type = \"http\", path = \"/\", status = \"2xx\" }",
        &["7:48: '2xx' is not a status"],
    ),
    (
        "health = { type = \"http\", path = \"/\", status = 200 }",
        &["7:48: a whole number stands where a string"],
    ),
    (
        "health = { type = \"http\", path = \"/\", status = \"300-200\" }",
        &["7:48: ends before it begins"],
    ),
    (
        "health = { type = \"send-expect\", expect = \"\" }",
        &["7:43: 1 to 16384 bytes"],
    ),
    (
        "health = { rise = 0, fall = 0 }",
        &["7:19: rise: 0 is not", "7:29: fall: 0 is not"],
    ),
    (
        "health = { port = 0 }",
        &["7:19: 0 is not a whole number from 1 to 65535"],
    ),
    (
        "eject = { max_percent = 101 }",
        &["7:25: 101 is not a whole number from 0 to 100"],
    ),
    (
        "eject = { base = \"10m\" }",
        &["7:18: pool.app.eject: the first ejection"],
    ),
    (
        "eject = { base = \"2s\", max = \"1s\" }",
        &["7:30: the first ejection"],
    ),
    ("hedge = true\nhedge = true", &["8:1: duplicate key"]),
    (
        "[pool.b]",
        &["7:1: pool.b: backends is missing, and so is backends_file"],
    ),
    (
        "[pool.b]\nbackends = []",
        &["8:12: pool.b.backends: at least one"],
    ),
    (
        "[pool.b]\nbackends = \"10.0.0.1:80\"",
        &["8:12: a string stands where an array"],
    ),
    (
        "[pool.b]\nbackends = [1]",
        &["8:13: pool.b.backends[1]: a whole number stands where a string or a table"],
    ),
    (
        "[pool.b]\nbackends = [\"10.0.0.1\"]",
        &["8:13: '10.0.0.1' has no port"],
    ),
    (
        "[pool.b]\nbackends = [\"a:1\", \"10.0.0.300:80\"]",
        &["8:20: backends[2]: '10.0.0.300' is neither an IPv4 address"],
    ),
    (
        "[pool.b]\nbackends = [\"srv:web.example\"]",
        &["8:13: 'web.example' is no service"],
    ),
    (
        "[pool.b]\nbackends = [\"a:1\", \"a:1\"]",
        &["8:20: line 8 has a backend \"a:1\" already"],
    ),
    (
        "[pool.b]\nbackends = [\"a:1\", {address=\"b:1\", name=\"a:1\"}]",
        &["8:41: line 8 has a backend \"a:1\" already"],
    ),
    (
        "[pool.b]\nbackends = [{}]",
        &["8:13: backends[1]: address is missing"],
    ),
    (
        "[pool.b]\nbackends = [{address=\"a:1\", weight=65536}]",
        &["8:36: backends[1].weight: 65536 is not a whole number from 0 to 65535"],
    ),
    (
        "[pool.\"a b\"]\nbackends = [\"a:1\"]",
        &["7:7: pool.\"a b\": a name has 1 to 64 letters"],
    ),
    (
        "[[listener]]\nname = \"web\"\nlisten = \":1\"\npool = \"app\"",
        &["8:8: line 2 has a listener \"web\" already"],
    ),
    (
        "[[listener]]\nname = \"b/c\"\nlisten = \":1\"\npool = \"app\"",
        &["8:8: listener[2].name: a name has"],
    ),
    (
        "[[listener]]\nname = \"b\"\nlisten = \":1\"\npool = \"apq\"",
        &["10:8: there is no pool \"apq\""],
    ),
    (
        "[[listener]]\nname = \"b\"\nlisten = \"localhost:1\"\npool = \"app\"",
        &["9:10: 'localhost' is not an IP address"],
    ),
    (
        "[[listener]]\nname = \"b\"\nlisten = []\npool = \"app\"",
        &["9:10: listen: at least one"],
    ),
    (
        "[[listener]]",
        &[
            "7:1: name is missing",
            "7:1: listen is missing",
            "7:1: pool is missing",
        ],
    ),
    ("[dns]\nservers = []", &["8:11: dns.servers: at least one"]),
    (
        "[dns]\nservers = [\"::1\", \"ns.example:53\"]",
        &["8:19: dns.servers[2]: 'ns.example:53' is no name server: write it like 10.0.0.2:53"],
    ),
    (
        "[dns]\nserver = \"::1\"",
        &["8:1: dns: unknown key \"server\""],
    ),
    (
        "[pool.b]\nbackends_file = \"\"",
        &["8:17: pool.b.backends_file: a path is not empty"],
    ),
    (
        "[admin]\nlisten = \"0.0.0.0:9090\"",
        &["8:10: token_file is missing"],
    ),
    ("[admin]\nlisten = \"unix:\"", &["8:10: has no path"]),
    (
        "[access_log]\noutput = \"\"\nformat = \"json\"",
        &[
            "8:10: the access log goes to",
            "9:10: \"json\" is not \"default\"",
        ],
    ),
];

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
