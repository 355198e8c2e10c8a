//! The commands that talk to a running l4lb, as argh reads them: texts, before anything is checked.
//!
//! argh cannot share fields between commands, so each says again where the admin API is.

use argh::FromArgs;

/// Their names, each with its flags.
pub(super) const TALKS: [(&str, &[&str]); 12] = [
    ("status", &["--admin", "--json", "--ready"]),
    ("backends", &["--admin", "--json"]),
    ("connections", &["--admin", "--json", "--limit"]),
    ("top", &["--admin", "--json", "--once"]),
    (
        "explain",
        &[
            "--admin",
            "--alpn",
            "--client",
            "--json",
            "--listener",
            "--sni",
        ],
    ),
    ("drain", &["--admin", "--over", "--token-file"]),
    ("ready", &["--admin", "--token-file"]),
    ("maint", &["--admin", "--token-file"]),
    ("weight", &["--admin", "--token-file"]),
    ("kill", &["--admin", "--token-file"]),
    ("reload", &["--admin", "--token-file"]),
    (
        "config diff",
        &["--admin", "--from", "--json", "--token-file"],
    ),
];

/// Those of their flags, and of the demo's, that nothing else has, with a value and without.
pub(super) const VALUED: [&str; 8] = [
    "--alpn",
    "--client",
    "--from",
    "--limit",
    "--listener",
    "--over",
    "--sni",
    "--token-file",
];
pub(super) const SWITCHES: [&str; 4] = ["--json", "--once", "--ready", "--tls"];

/// Show how a running l4lb is.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "status",
    example = "l4lb status",
    example = "l4lb status --ready --admin unix:/run/l4lb/admin.sock",
    error_code(0, "done; with --ready: it is ready"),
    error_code(1, "refused; with --ready: it is not ready"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Status {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// print what the API says
    #[argh(switch)]
    pub(super) json: bool,

    /// say only whether it is ready for clients, and end with 0 if so
    #[argh(switch)]
    pub(super) ready: bool,
}

/// Show the backends of a running l4lb.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "backends",
    note = "IN is what clients sent and OUT what the backend sent; ERRORS are failed connects.",
    error_code(0, "done"),
    error_code(1, "refused: there is no such pool"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Backends {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// print what the API says
    #[argh(switch)]
    pub(super) json: bool,

    /// those of this pool only
    #[argh(positional, arg_name = "POOL")]
    pub(super) pool: Option<String>,
}

/// Show the live connections of a running l4lb.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "connections",
    error_code(0, "done"),
    error_code(1, "refused"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Connections {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// print what the API says
    #[argh(switch)]
    pub(super) json: bool,

    /// at most so many, the oldest ones: 1 to 10000 (100)
    #[argh(option, arg_name = "N")]
    pub(super) limit: Option<String>,
}

/// Say which backend a client would get, and why each other one would not.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "explain",
    example = "l4lb explain --client 203.0.113.7 --listener web",
    note = "It is what would become of that client if it came next; nothing changes by asking. Each worker\n\
            picks for itself: where they do not agree, all are shown. A backend that then does not answer\n\
            is not foreseen.",
    error_code(0, "done"),
    error_code(1, "refused: there is no such listener"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Explain {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// where the listener has routes, the protocol that the client offers in TLS, such as h2
    #[argh(option, arg_name = "PROTOCOL")]
    pub(super) alpn: Option<String>,

    /// the client's address: 203.0.113.7 or [2001:db8::1]:5555; the port does not matter
    #[argh(option, arg_name = "ADDR")]
    pub(super) client: String,

    /// print what the API says
    #[argh(switch)]
    pub(super) json: bool,

    /// the listener that it comes to; may be left out where there is one
    #[argh(option, arg_name = "NAME")]
    pub(super) listener: Option<String>,

    /// where the listener has routes, the server that the client names in TLS
    #[argh(option, arg_name = "NAME")]
    pub(super) sni: Option<String>,
}

/// Show how everything is, anew each second, as the dashboard does.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "top",
    example = "l4lb top",
    example = "l4lb top --once",
    note = "q and Ctrl-C leave. Where it does not run in a terminal, it is as with --once.",
    error_code(0, "done"),
    error_code(1, "refused"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Top {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// print what the API says, once
    #[argh(switch)]
    pub(super) json: bool,

    /// print it as text, once
    #[argh(switch)]
    pub(super) once: bool,
}

/// Give a backend no new sessions, or end l4lb when its sessions have.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "drain",
    example = "l4lb drain app/b2",
    example = "l4lb drain app/b2 --over 10m",
    example = "l4lb drain",
    note = "A backend keeps the sessions that it has, and is probed on. The pool may be left out where\n\
            the name is unique. Without a backend l4lb takes no more clients, and ends when its sessions\n\
            have ended or its drain_timeout is over.",
    error_code(0, "done"),
    error_code(1, "refused"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Drain {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// the file with the token that changes need, where they do ($L4LB_TOKEN_FILE)
    #[argh(option, arg_name = "FILE")]
    pub(super) token_file: Option<String>,

    /// end its sessions at a steady rate, the idlest first, all of them within that time; ready calls
    /// it off, and backends says how far it is
    #[argh(option, arg_name = "D")]
    pub(super) over: Option<String>,

    /// which one; without it, the whole process
    #[argh(positional, arg_name = "[POOL/]BACKEND")]
    pub(super) backend: Option<String>,
}

/// Give a backend sessions again, as its health allows.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "ready",
    example = "l4lb ready app/b2",
    error_code(0, "done"),
    error_code(1, "refused"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Ready {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// the file with the token that changes need, where they do ($L4LB_TOKEN_FILE)
    #[argh(option, arg_name = "FILE")]
    pub(super) token_file: Option<String>,

    /// which one
    #[argh(positional, arg_name = "[POOL/]BACKEND")]
    pub(super) backend: String,
}

/// Give a backend neither new sessions nor probes.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "maint",
    example = "l4lb maint app/b2",
    error_code(0, "done"),
    error_code(1, "refused"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Maint {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// the file with the token that changes need, where they do ($L4LB_TOKEN_FILE)
    #[argh(option, arg_name = "FILE")]
    pub(super) token_file: Option<String>,

    /// which one
    #[argh(positional, arg_name = "[POOL/]BACKEND")]
    pub(super) backend: String,
}

/// Give a backend another share of the sessions.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "weight",
    example = "l4lb weight app/b2 5",
    error_code(0, "done"),
    error_code(1, "refused"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Weight {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// the file with the token that changes need, where they do ($L4LB_TOKEN_FILE)
    #[argh(option, arg_name = "FILE")]
    pub(super) token_file: Option<String>,

    /// which one
    #[argh(positional, arg_name = "[POOL/]BACKEND")]
    pub(super) backend: String,

    /// its weight, 0 to 65535; 0 gets no new sessions
    #[argh(positional, arg_name = "N")]
    pub(super) weight: String,
}

/// End a connection by a reset.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "kill",
    example = "l4lb kill 8f21",
    error_code(0, "done"),
    error_code(1, "refused: there is no such connection"),
    error_code(3, "no l4lb answers at the admin address")
)]
pub(super) struct Kill {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// the file with the token that changes need, where they do ($L4LB_TOKEN_FILE)
    #[argh(option, arg_name = "FILE")]
    pub(super) token_file: Option<String>,

    /// its id, as 'l4lb connections' shows it
    #[argh(positional, arg_name = "CONNECTION")]
    pub(super) connection: String,
}

/// Have the configuration file read again.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "reload",
    note = "Prints what has changed, a line each. A file that is wrong changes nothing.",
    error_code(0, "done"),
    error_code(1, "refused"),
    error_code(3, "no l4lb answers at the admin address"),
    error_code(78, "the configuration file is wrong")
)]
pub(super) struct Reload {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// the file with the token that changes need, where they do ($L4LB_TOKEN_FILE)
    #[argh(option, arg_name = "FILE")]
    pub(super) token_file: Option<String>,
}

/// Say what a configuration file would change of a running l4lb, before it is applied.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "diff",
    example = "l4lb config diff next.toml",
    example = "l4lb config diff next.toml --from l4lb.toml",
    note = "Says what a reload would say, which live sessions that touches, and of each pool that balances\n\
            by source-hash which share of the clients would get another backend. Nothing is changed. It is\n\
            not tried whether new addresses can be bound and new names be looked up.",
    error_code(0, "done, whether or not there is a change"),
    error_code(1, "refused, or a file cannot be read"),
    error_code(3, "no l4lb answers at the admin address"),
    error_code(78, "a file is wrong")
)]
pub(super) struct Diff {
    /// where its admin API listens, as it was told: 127.0.0.1:9090 (the default) or unix:PATH
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// compare with this file instead of a running l4lb, as if all backends were up
    #[argh(option, arg_name = "OLD")]
    pub(super) from: Option<String>,

    /// print what the API says
    #[argh(switch)]
    pub(super) json: bool,

    /// the file with the token that changes need, where they do ($L4LB_TOKEN_FILE)
    #[argh(option, arg_name = "FILE")]
    pub(super) token_file: Option<String>,

    /// TOML, or JSON where its name ends with .json
    #[argh(positional, arg_name = "NEW")]
    pub(super) file: String,
}
