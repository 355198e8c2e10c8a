//! Routes of a listener: what they may not say, where that is told, and what they mean.

use super::bad::expect;
use super::config_of;

/// A listener with a pool, which is where its routes lead from the eighth line on.
const SMALL: &str = "[pool.app]\nbackends = [\"10.0.0.1:80\"]\n\
                     [[listener]]\nname = \"web\"\nlisten = \":9000\"\npool = \"app\"\n\
                     [[listener.route]]\n";

/// What is wrong after [`SMALL`], whose lines are seven.
const AFTER_SMALL: [(&str, &[&str]); 17] = [
    (
        "sni = [\"a\"]",
        &["7:1: listener[1].route[1]: pool is missing"],
    ),
    ("pool = \"apq\"", &["8:8: there is no pool \"apq\""]),
    (
        "pool = \"app\"\nname = \"a\"",
        &["9:1: listener[1].route[1]: unknown key \"name\""],
    ),
    (
        "pool = \"app\"\nsni = \"a\"",
        &["9:7: listener[1].route[1].sni: a string stands where an array is wanted"],
    ),
    (
        "pool = \"app\"\nsni = []",
        &["9:7: sni: at least one is needed"],
    ),
    (
        "pool = \"app\"\nalpn = []",
        &["9:8: alpn: at least one is needed"],
    ),
    (
        "pool = \"app\"\nsni = [\"a\", \"*b.example\"]",
        &["9:13: sni[2]: '*b.example' is no server name: write shop.example or *.shop.example"],
    ),
    (
        "pool = \"app\"\nsni = [\"10.0.0.1\"]",
        &["9:8: is no server name"],
    ),
    (
        "pool = \"app\"\nsni = [\"b\u{fc}cher.example\"]",
        &["9:8: as DNS has it (xn--...)"],
    ),
    (
        "pool = \"app\"\nalpn = [\"h2\", \"\"]",
        &["9:15: alpn[2]: '' is no protocol of ALPN: write it like h2 or http/1.1"],
    ),
    (
        "pool = \"app\"\nalpn = [\"h 2\"]",
        &["9:9: is no protocol of ALPN"],
    ),
    (
        "pool = \"app\"\nsni = [\"a\", \"A.\"]",
        &["9:13: listener[1].route[1]: line 9 has a route for \"a\" already"],
    ),
    (
        "pool = \"app\"\nsni = [\"*.a\"]\n[[listener.route]]\npool = \"app\"\nsni = [\"b\", \"*.a\"]",
        &["12:13: listener[1].route[2]: line 9 has a route for \"*.a\" already"],
    ),
    (
        "pool = \"app\"\nsni = [\"a\"]\n[[listener.route]]\npool = \"app\"\nsni = [\"a\"]\nalpn = [\"h2\"]",
        &["12:8: listener[1].route[2]: line 9 has a route for \"a\" already"],
    ),
    (
        "pool = \"app\"\nalpn = [\"h2\", \"h3\"]\n[[listener.route]]\npool = \"app\"\nalpn = [\"h3\"]",
        &["10:1: listener[1].route[2]: line 7 has a route without sni already"],
    ),
    (
        "pool = \"app\"\n[[listener.route]]\npool = \"app\"",
        &["9:1: listener[1].route[2]: line 7 has a route without sni already"],
    ),
    (
        "pool = \"app\"\n[[listener]]\nname = \"b\"\nlisten = \":1\"\nroute = []",
        &["12:9: listener[2].route: at least one is needed"],
    ),
];

#[test]
fn every_wrong_route_is_told_with_its_place() {
    for (text, wanted) in AFTER_SMALL {
        expect("l4lb.toml", format!("{SMALL}{text}\n").as_bytes(), wanted);
    }
}

#[test]
fn the_nearest_pool_is_offered() {
    let text = format!("{SMALL}pool = \"ap\"\n");
    let faults = l4lb::config::file::parse("l4lb.toml", text.as_bytes()).unwrap_err();
    let picture = faults.render(false);
    assert!(picture.contains("^ did you mean app?"), "{picture}");
}

#[test]
fn a_route_by_a_protocol_that_nobody_can_agree_upon_is_refused() {
    let small = |tls: &str| {
        let tls = format!("tls = {{ certificates = \"certs\"{tls} }}\n[[listener.route]]\n");
        SMALL.replace("[[listener.route]]\n", &tls)
    };
    let route = "pool = \"app\"\nalpn = [\"a\", \"h2\"]\n";
    let what = "listener[1].route[1]: tls.alpn lacks this: nobody comes with it";
    let both = ["10:9", "10:14"].map(|place| format!("{place}: {what}"));
    for (tls, wanted) in [("", &both[..]), (", alpn = [\"a\"]", &both[1..])] {
        let text = format!("{}{route}", small(tls));
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        expect("l4lb.toml", text.as_bytes(), &wanted);
    }
    let text = format!("{}{route}", small(", alpn = [\"h2\", \"a\"]"));
    assert!(config_of("l4lb.toml", &text).listeners[0].routes.is_some());
}

#[test]
fn routes_that_differ_in_their_protocols_stand_beside_each_other() {
    let routes = "pool = \"app\"\nsni = [\"a\"]\nalpn = [\"h2\"]\n\
                  [[listener.route]]\npool = \"app\"\nsni = [\"a\"]\nalpn = [\"h2\", \"h3\"]\n\
                  [[listener.route]]\npool = \"app\"\nsni = [\"a\", \"*.a\"]\n\
                  [[listener.route]]\npool = \"app\"\n";
    let config = config_of("l4lb.toml", &format!("{SMALL}{routes}"));
    let routes = config.listeners[0].routes.as_ref().unwrap().list();
    let shown: Vec<String> = routes.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a (h2)", "a (h2, h3)", "a, *.a", "any name"]);
}

#[test]
fn a_listener_has_a_pool_for_the_others_or_denies_them() {
    let with = format!("{SMALL}pool = \"app\"\nsni = [\"a\"]\n");
    let without = with.replacen("pool = \"app\"\n", "", 1);
    let pools =
        [&with, &without].map(|text| config_of("l4lb.toml", text).listeners[0].default_pool());
    assert_eq!(pools, [Some(0), None]);
    let plain = SMALL.replace("[[listener.route]]\n", "");
    assert_eq!(
        config_of("l4lb.toml", &plain).listeners[0].default_pool(),
        Some(0)
    );
}
