//! The flags, as argh reads them: texts, before anything is checked.

use argh::FromArgs;

/// A Layer-4 TCP load balancer: accepts TCP connections and relays each to a live backend.
#[derive(FromArgs, Debug)]
#[argh(
    example = "l4lb --listen :9000 --backend 10.0.0.1:8080 --backend b2=10.0.0.2:8080",
    example = "l4lb --listen :9000 --backend big=10.0.0.1:8080,weight=3 --backend 10.0.0.2:8080 --health http:/",
    example = "l4lb demo",
    note = "Durations carry a unit: 250ms, 5s, 10m, 1h. Both '--flag value' and '--flag=value' work.\n\
            TERM or INT lets sessions finish (--drain-timeout) and ends; a second one ends at once.\n\
            USR1 opens the access log again, after a rotation.",
    error_code(0, "done"),
    error_code(1, "failed at run time, for example an address that is taken"),
    error_code(2, "wrong usage")
)]
pub(super) struct Arguments {
    /// address to accept clients on: 0.0.0.0:9000, [::1]:9000 or :9000 (both families); repeatable
    #[argh(option, arg_name = "ADDR")]
    pub(super) listen: Vec<String>,

    /// backend to relay to, [NAME=]HOST:PORT[,weight=N][,max-connections=N][,backup]; HOST is IPv4,
    /// [IPv6] or a name; weight 0 gets no sessions, a backup only those that no other may get; repeatable
    #[argh(option, arg_name = "SPEC")]
    pub(super) backend: Vec<String>,

    /// how a backend is picked: round-robin (the default), least-connections, random, two-choices,
    /// source-hash, least-latency, first
    #[argh(option, arg_name = "ALG", default = "String::from(\"round-robin\")")]
    pub(super) balance: String,

    /// event loops, 1 to 64; auto is one per usable core (1)
    #[argh(option, arg_name = "N", default = "String::from(\"1\")")]
    pub(super) workers: String,

    /// time for one attempt to connect to a backend (3s)
    #[argh(option, arg_name = "D", default = "String::from(\"3s\")")]
    pub(super) connect_timeout: String,

    /// further attempts, each on another backend (2)
    #[argh(option, arg_name = "N", default = "String::from(\"2\")")]
    pub(super) retries: String,

    /// end a session in which no byte moves for this long (1h)
    #[argh(option, arg_name = "D", default = "String::from(\"1h\")")]
    pub(super) idle_timeout: String,

    /// how backends are checked: tcp (the default), http:PATH (a status of 200 to 399 passes), off
    #[argh(option, arg_name = "KIND", default = "String::from(\"tcp\")")]
    pub(super) health: String,

    /// time from one check to the next (2s)
    #[argh(option, arg_name = "D", default = "String::from(\"2s\")")]
    pub(super) health_interval: String,

    /// time for one check (1s)
    #[argh(option, arg_name = "D", default = "String::from(\"1s\")")]
    pub(super) health_timeout: String,

    /// consecutive passed checks that bring a backend up (2)
    #[argh(option, arg_name = "N", default = "String::from(\"2\")")]
    pub(super) rise: String,

    /// consecutive failed checks that bring a backend down (3)
    #[argh(option, arg_name = "N", default = "String::from(\"3\")")]
    pub(super) fall: String,

    /// sessions at once; further clients wait (as many as descriptors allow)
    #[argh(option, arg_name = "N")]
    pub(super) max_connections: Option<String>,

    /// how long a stopping l4lb lets sessions finish (30s)
    #[argh(option, arg_name = "D", default = "String::from(\"30s\")")]
    pub(super) drain_timeout: String,

    /// one line per connection to - (standard output), a file, or off (the default)
    #[argh(option, arg_name = "DEST", default = "String::from(\"off\")")]
    pub(super) access_log: String,

    /// what is logged on standard error: error, warn, info (the default), debug, trace
    #[argh(option, arg_name = "L", default = "String::from(\"info\")")]
    pub(super) log_level: String,

    /// check the flags, say so, and exit
    #[argh(switch)]
    pub(super) check: bool,

    #[argh(subcommand)]
    pub(super) command: Option<Command>,
}

/// What else l4lb can do.
#[derive(FromArgs, Debug)]
#[argh(subcommand)]
pub(super) enum Command {
    Demo(Demo),
}

/// Run with three built-in sites behind the balancer, one of which stops now and then.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "demo")]
pub(super) struct Demo {}
