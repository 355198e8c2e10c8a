//! The rooms of the house and who may import whom, as docs/ARCHITECTURE.md tells it.

/// A room is a file or folder directly below `src/`; `folder::file` is a stricter part of a room.
pub(super) struct Room {
    pub(super) name: &'static str,
    pub(super) may_import: &'static [&'static str],
}

const fn room(name: &'static str, may_import: &'static [&'static str]) -> Room {
    Room { name, may_import }
}

/// All that stands below the supervisor.
const BELOW: &[&str] = &[
    "messages",
    "pool",
    "config",
    "session",
    "balance",
    "health",
    "worker",
    "access_log",
    "descriptors",
    "discovery",
    "listener",
    "plan",
    "proxy_protocol",
    "requests",
    "version",
    "held_up",
    "foresight",
    "admin",
    "token",
    "tls",
    "journal",
    "reason",
    "rights",
    "counts",
    "history",
    "http",
    "metrics",
    "scaling",
    "vitals",
    "sys",
];

const ROOMS: &[Room] = &[
    room(
        "main",
        &["cli", "client", "supervisor", "demo", "log_stats"],
    ),
    room("lib", BELOW),
    room("demo", &["cli", "supervisor", "config"]),
    room(
        "cli",
        &[
            "client",
            "config",
            "discovery",
            "foresight",
            "pool",
            "reason",
            "rights",
            "version",
            "tls",
        ],
    ),
    room("client_hello", &[]),
    room("client", &["config", "pool", "reason", "requests", "token"]),
    room("supervisor", BELOW),
    room(
        "worker",
        &[
            "client_hello",
            "held_up",
            "proxy_protocol",
            "session",
            "balance",
            "pool",
            "sys",
            "metrics",
            "messages",
            "plan",
            "requests",
            "listener",
            "config",
            "access_log",
            "http",
            "tls",
        ],
    ),
    room(
        "health",
        &[
            "held_up",
            "pool",
            "plan",
            "balance",
            "proxy_protocol",
            "tls",
            "sys",
            "messages",
            "metrics",
            "config",
            "reason",
        ],
    ),
    room("health::verdict", &["config"]),
    room("health::agenda", &[]),
    room("health::schedule", &["health::agenda", "health::verdict"]),
    room("health::answer", &["config"]),
    room("health::approach", &["config", "proxy_protocol"]),
    room("health::ejection", &["config"]),
    room(
        "health::standing",
        &[
            "pool",
            "config",
            "messages",
            "health::ejection",
            "health::schedule",
            "health::verdict",
        ],
    ),
    room(
        "messages",
        &[
            "pool",
            "balance",
            "plan",
            "requests",
            "config",
            "discovery",
            "scaling",
            "session",
            "access_log",
            "sys",
        ],
    ),
    room("access_log", &["config", "messages", "pool", "session"]),
    room("counts", &[]),
    room("log_stats", &["reason"]),
    room("metrics", &["counts", "pool", "session", "vitals"]),
    room("history", &["counts"]),
    room("http", &[]),
    room("vitals", &[]),
    room("config", &["client_hello", "http", "pool"]),
    room("config::diff", &["pool", "config"]),
    room("balance", &["pool", "config"]),
    room("session", &[]),
    room("pool", &["config", "counts", "session"]),
    room("descriptors", &[]),
    room("discovery", &["config", "reason"]),
    room("discovery::answers", &[]),
    room("discovery::outcome", &["discovery::answers"]),
    room(
        "discovery::book",
        &["discovery::answers", "discovery::outcome"],
    ),
    room("discovery::expand", &["config", "discovery::answers"]),
    room("journal", &[]),
    room(
        "foresight",
        &["balance", "config", "messages", "pool", "requests"],
    ),
    room("listener", &[]),
    room("plan", &["config", "listener", "metrics", "pool"]),
    room("proxy_protocol", &[]),
    room("requests", &["config", "metrics", "pool"]),
    room(
        "admin",
        &["config", "metrics", "pool", "reason", "requests", "token"],
    ),
    room("scaling", &["config", "reason"]),
    room("scaling::rule", &["config"]),
    room("scaling::leave", &["config", "scaling::rule"]),
    room("scaling::answer", &["config"]),
    room("reason", &[]),
    room("rights", &["config", "reason"]),
    room("held_up", &[]),
    room("sys", &[]),
    room("tls", &["config", "discovery", "reason"]),
    room("tls::x509", &[]),
    room("tls::wire", &[]),
    room("tls::failure", &[]),
    room("token", &["reason"]),
    room("version", &[]),
];

fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

/// The strictest room that a module path leads into.
pub(super) fn room_of(module: &[&str]) -> Option<&'static Room> {
    let part = module.get(..2).and_then(|two| find(&two.join("::")));
    part.or_else(|| find(module.first()?))
}

impl Room {
    pub(super) fn may_import(&self, target: &Self) -> bool {
        let holds = |outer: &str| {
            let rest = target.name.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        holds(self.name) || self.may_import.iter().any(|name| holds(name))
    }
}

#[test]
fn the_table_names_only_rooms_that_it_holds() {
    let named = ROOMS.iter().flat_map(|room| room.may_import);
    let unknown: Vec<_> = named.filter(|name| find(name).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
