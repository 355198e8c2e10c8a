//! The flags, as argh reads them: texts, before anything is checked.

use argh::FromArgs;

use super::commands::{
    Backends, Connections, Diff, Drain, Explain, Kill, Maint, Ready, Reload, Status, Top, Weight,
};

/// A Layer-4 TCP load balancer: accepts TCP connections and relays each to a live backend.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    example = "l4lb --listen :9000 --backend 10.0.0.1:8080 --backend b2=10.0.0.2:8080",
    example = "l4lb --listen :9000 --backend big=10.0.0.1:8080,weight=3 --backend 10.0.0.2:8080 --health http:/",
    example = "l4lb --config l4lb.toml",
    example = "l4lb check l4lb.toml",
    example = "l4lb demo",
    example = "l4lb drain app/b2",
    note = "Durations carry a unit: 250ms, 5s, 10m, 1h. Both '--flag value' and '--flag=value' work.\n\
            TERM or INT lets sessions finish (--drain-timeout) and ends; a second one ends at once.\n\
            USR1 opens the access log again, after a rotation.\n\
            A flag wins over the file. With --config FILE go: --workers, --max-connections, --drain-timeout,\n\
            then --access-log, --access-log-format, --log-level, --admin and --check.\n\
            The commands from status on talk to a running l4lb, at --admin 127.0.0.1:9090 unless told.",
    error_code(0, "done"),
    error_code(1, "failed at run time, for example an address that is taken"),
    error_code(2, "wrong usage"),
    error_code(3, "no l4lb answers at the admin address"),
    error_code(78, "the configuration file is wrong")
)]
pub(super) struct Arguments {
    /// configuration file, TOML, or JSON where its name ends with .json
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<String>,

    /// address to accept clients on: 0.0.0.0:9000, [::1]:9000 or :9000 (both families); repeatable
    #[argh(option, arg_name = "ADDR")]
    pub(super) listen: Vec<String>,

    /// backend to relay to, [NAME=]HOST:PORT[,weight=N][,max-connections=N][,backup]; HOST is IPv4,
    /// [IPv6] or a name; weight 0 gets no sessions, a backup only those that no other may get; repeatable
    #[argh(option, arg_name = "SPEC")]
    pub(super) backend: Vec<String>,

    /// how a backend is picked: round-robin (the default), least-connections, random, two-choices,
    /// source-hash, least-latency, first
    #[argh(option, arg_name = "ALG")]
    pub(super) balance: Option<String>,

    /// proxies that say in a PROXY header who the client is, a network or an address; nobody else is
    /// served then; repeatable
    #[argh(option, arg_name = "CIDR")]
    pub(super) accept_proxy: Vec<String>,

    /// the PROXY header that backends get: v1 or v2 (none)
    #[argh(option, arg_name = "VERSION")]
    pub(super) send_proxy: Option<String>,

    /// event loops, 1 to 64; auto is one per usable core (1)
    #[argh(option, arg_name = "N")]
    pub(super) workers: Option<String>,

    /// time for one attempt to connect to a backend (3s)
    #[argh(option, arg_name = "D")]
    pub(super) connect_timeout: Option<String>,

    /// further attempts, each on another backend (2)
    #[argh(option, arg_name = "N")]
    pub(super) retries: Option<String>,

    /// end a session in which no byte moves for this long (1h)
    #[argh(option, arg_name = "D")]
    pub(super) idle_timeout: Option<String>,

    /// how backends are checked: tcp (the default), http:PATH (a status of 200 to 399 passes), off
    #[argh(option, arg_name = "KIND")]
    pub(super) health: Option<String>,

    /// time from one check to the next (2s)
    #[argh(option, arg_name = "D")]
    pub(super) health_interval: Option<String>,

    /// time for one check (1s)
    #[argh(option, arg_name = "D")]
    pub(super) health_timeout: Option<String>,

    /// consecutive passed checks that bring a backend up (2)
    #[argh(option, arg_name = "N")]
    pub(super) rise: Option<String>,

    /// consecutive failed checks that bring a backend down (3)
    #[argh(option, arg_name = "N")]
    pub(super) fall: Option<String>,

    /// sessions at once; further clients wait (as many as descriptors allow)
    #[argh(option, arg_name = "N")]
    pub(super) max_connections: Option<String>,

    /// how long a stopping l4lb lets sessions finish (30s)
    #[argh(option, arg_name = "D")]
    pub(super) drain_timeout: Option<String>,

    /// one line per connection to - (standard output), a file, or off (the default)
    #[argh(option, arg_name = "DEST")]
    pub(super) access_log: Option<String>,

    /// how its lines look: default, haproxy, json, or a template such as '{client} {backend} {term}'
    #[argh(option, arg_name = "F")]
    pub(super) access_log_format: Option<String>,

    /// where the admin API listens: 127.0.0.1:9090 or unix:PATH (nowhere)
    #[argh(option, arg_name = "ADDR")]
    pub(super) admin: Option<String>,

    /// what is logged on standard error: error, warn, info (the default), debug, trace
    #[argh(option, arg_name = "L")]
    pub(super) log_level: Option<String>,

    /// check the flags or the file, say so, and exit
    #[argh(switch)]
    pub(super) check: bool,

    #[argh(subcommand)]
    pub(super) command: Option<Command>,
}

/// What else l4lb can do.
#[derive(FromArgs, Clone, Debug)]
#[argh(subcommand)]
pub(super) enum Command {
    Demo(Demo),
    Check(Check),
    Config(Config),
    Log(Log),
    Status(Status),
    Backends(Backends),
    Connections(Connections),
    Top(Top),
    Explain(Explain),
    Drain(Drain),
    Ready(Ready),
    Maint(Maint),
    Weight(Weight),
    Kill(Kill),
    Reload(Reload),
}

/// Run with three built-in sites behind the balancer, one of which stops now and then.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "demo",
    example = "l4lb demo",
    example = "l4lb demo --tls",
    error_code(0, "done"),
    error_code(1, "failed at run time")
)]
pub(super) struct Demo {
    /// speak TLS with clients, by a certificate that is made for this run; browsers warn of it, since
    /// nobody has signed it
    #[argh(switch)]
    pub(super) tls: bool,

    /// what is logged on standard error: error, warn, info (the default), debug, trace
    #[argh(option, arg_name = "L")]
    pub(super) log_level: Option<String>,
}

/// Check a configuration file, and say everything that is wrong with it. Binds nothing, looks nothing up.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "check",
    example = "l4lb check /etc/l4lb/l4lb.toml",
    error_code(0, "it is right"),
    error_code(1, "it cannot be read"),
    error_code(78, "it is wrong")
)]
pub(super) struct Check {
    /// TOML, or JSON where its name ends with .json
    #[argh(positional, arg_name = "FILE")]
    pub(super) file: String,
}

/// Look at the configuration that --config and other flags make together, or at what another one
/// would change.
#[derive(FromArgs, Clone, Debug)]
#[argh(subcommand, name = "config")]
pub(super) struct Config {
    #[argh(subcommand)]
    pub(super) action: Action,
}

#[derive(FromArgs, Clone, Debug)]
#[argh(subcommand)]
pub(super) enum Action {
    Show(Show),
    Diff(Diff),
}

/// Look at an access log.
#[derive(FromArgs, Clone, Debug)]
#[argh(subcommand, name = "log")]
pub(super) struct Log {
    #[argh(subcommand)]
    pub(super) action: LogAction,
}

#[derive(FromArgs, Clone, Debug)]
#[argh(subcommand)]
pub(super) enum LogAction {
    Stats(Stats),
}

/// Print what an access log says: connections by listener, backend and end, how long they took, the busiest
/// clients. Lines of the forms default, haproxy and json are known by themselves.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "stats",
    example = "l4lb log stats /var/log/l4lb/access.log",
    example = "zcat access.log.*.gz | l4lb log stats --json -",
    error_code(0, "done"),
    error_code(1, "the log cannot be read")
)]
pub(super) struct Stats {
    /// print one JSON object
    #[argh(switch)]
    pub(super) json: bool,

    /// the log; - is standard input
    #[argh(positional, arg_name = "FILE")]
    pub(super) file: String,
}

/// Print what is in effect, as a TOML file in which each value has its origin: the line of the file, a
/// flag, or the default.
#[derive(FromArgs, Clone, Debug)]
#[argh(
    subcommand,
    name = "show",
    example = "l4lb config show --config l4lb.toml --workers auto",
    error_code(0, "done"),
    error_code(1, "the file cannot be read"),
    error_code(78, "the file is wrong")
)]
pub(super) struct Show {}
