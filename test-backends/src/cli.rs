//! The command line: one command per behaviour, each turned into the servers to start.

use std::{fmt::Display, time::Duration};

use argh::FromArgs;
use test_backends::{Behaviour, Colour};

/// The names of the three sites that `sites` starts.
const SITE_NAMES: [&str; 3] = ["b1", "b2", "b3"];

/// Backends to try a TCP load balancer on. Each listens on --host (127.0.0.1) and --port (0, the
/// default, finds a free one), says where on standard error, and runs until it is killed.
#[derive(FromArgs, Debug)]
pub(crate) struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

/// One server to start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) behaviour: Behaviour,
}

impl Arguments {
    /// What to start; an error is a mistake in the arguments.
    pub(crate) fn plans(self) -> Result<Vec<Plan>, String> {
        self.command.plans()
    }
}

/// Declares the commands: every one has a host and a port, some have more, and each says how they
/// make a behaviour. A type is taken apart because argh must see the `Option` in it.
macro_rules! commands {
    ($(
        $(#[doc = $doc:literal])+
        $name:literal $type:ident {
            $($(#[$meta:meta])+ $field:ident: $field_type:ident $(<$argument:ident>)?,)*
        } => $behaviour:expr,
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(FromArgs, Debug)]
            #[argh(subcommand, name = $name)]
            struct $type {
                /// the address to listen on (default: 127.0.0.1)
                #[argh(option, default = "\"127.0.0.1\".to_owned()")]
                host: String,
                /// the port to listen on (default: 0, any free one)
                #[argh(option, default = "0")]
                port: u16,
                $($(#[$meta])+ $field: $field_type $(<$argument>)?,)*
            }
        )+

        #[derive(FromArgs, Debug)]
        #[argh(subcommand)]
        enum Command {
            Sites(Sites),
            $($type($type),)+
        }

        impl Command {
            fn plans(self) -> Result<Vec<Plan>, String> {
                match self {
                    Self::Sites(sites) => sites.plans(),
                    $(Self::$type($type { host, port, $($field),* }) => {
                        Ok(vec![Plan { host, port, behaviour: $behaviour }])
                    })+
                }
            }
        }
    };
}

commands! {
    /// an HTTP/1.1 site in a colour: /, /health, /whoami, /bytes/N
    "site" Site {
        /// light-blue, light-green or light-coral (default: light-blue)
        #[argh(option, default = "Colour::LightBlue")] colour: Colour,
        /// the name that it shows (default: its colour)
        #[argh(option)] name: Option<String>,
    } => site(name, colour),
    /// write back what is read
    "echo" Echo {} => Behaviour::Echo,
    /// read and forget
    "discard" Discard {} => Behaviour::Discard,
    /// write a pattern, shut down, read to the end
    "source" Source {
        /// how much to write (default: endless)
        #[argh(option)] bytes: Option<u64>,
    } => Behaviour::Source { bytes },
    /// read at a slow rate
    "slow-reader" SlowReader {
        /// bytes per second; 0 never reads (default: 1000)
        #[argh(option, default = "1000")] rate: u64,
    } => Behaviour::SlowReader { bytes_per_second: rate },
    /// listen, but never accept
    "never-accept" NeverAccept {} => Behaviour::NeverAccept,
    /// read some bytes, then reset
    "reset-after" ResetAfter {
        /// how much to read first (default: 0)
        #[argh(option, default = "0")] bytes: u64,
    } => Behaviour::ResetAfter { bytes },
    /// write a pattern, then reset
    "reply-then-reset" ReplyThenReset {
        /// how much to write first (default: 1000)
        #[argh(option, default = "1000")] bytes: u64,
    } => Behaviour::ReplyThenReset { bytes },
    /// read to the end, only then write a pattern
    "half-close" HalfClose {
        /// how much to write (default: 1000)
        #[argh(option, default = "1000")] bytes: u64,
    } => Behaviour::HalfClose { bytes },
    /// shut down the write side at once, then read to the end
    "shutdown-first" ShutdownFirst {} => Behaviour::ShutdownFirst,
    /// speak first, then echo
    "greet" Greet {
        /// what to say (default: "220 ready")
        #[argh(option, default = "\"220 ready\".to_owned()")] line: String,
    } => Behaviour::Greet { line },
    /// a site that listens for some time, refuses for some time, and so on
    "flapping" Flapping {
        /// seconds to listen (default: 5)
        #[argh(option, default = "Duration::from_secs(5)", from_str_fn(seconds))] up: Duration,
        /// seconds to refuse (default: 5)
        #[argh(option, default = "Duration::from_secs(5)", from_str_fn(seconds))] down: Duration,
        /// light-blue, light-green or light-coral (default: light-blue)
        #[argh(option, default = "Colour::LightBlue")] colour: Colour,
        /// the name that it shows (default: its colour)
        #[argh(option)] name: Option<String>,
    } => Behaviour::Flapping { up, down, inner: Box::new(site(name, colour)) },
}

/// three sites, b1 to b3, in three colours, on three ports in a row
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "sites")]
struct Sites {
    /// the address to listen on (default: 127.0.0.1)
    #[argh(option, default = "\"127.0.0.1\".to_owned()")]
    host: String,
    /// the first of the three ports (default: 9001; 0: any three)
    #[argh(option, default = "9001")]
    port: u16,
}

impl Sites {
    fn plans(self) -> Result<Vec<Plan>, String> {
        let ports = match self.port {
            0 => [0; 3],
            first => {
                let last = first
                    .checked_add(2)
                    .ok_or("--port leaves no room for three ports")?;
                [first, first + 1, last]
            }
        };
        let sites = SITE_NAMES.into_iter().zip(Colour::ALL);
        let plan = |((name, colour), port)| Plan {
            host: self.host.clone(),
            port,
            behaviour: site(Some(name), colour),
        };
        Ok(sites.zip(ports).map(plan).collect())
    }
}

fn site(name: Option<impl Display>, colour: Colour) -> Behaviour {
    let name = name.map_or_else(|| colour.to_string(), |name| name.to_string());
    Behaviour::Site { name, colour }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "not a possible number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use argh::FromArgs;

    use super::{Arguments, Plan, seconds};

    fn plans(line: &str) -> Result<Vec<Plan>, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Arguments::from_args(&["test-backends"], &words)
            .map_err(|exit| exit.output)?
            .plans()
    }

    #[test]
    fn every_command_starts_what_it_is_named_after() {
        for (line, shown) in [
            ("site --port 9001 --colour light-coral --name b1", "site b1"),
            ("site --colour light-green", "site light-green"),
            ("echo", "echo"),
            ("discard", "discard"),
            ("source --bytes 7", "source"),
            ("slow-reader --rate 7", "slow-reader"),
            ("never-accept", "never-accept"),
            ("reset-after --bytes 7", "reset-after"),
            ("reply-then-reset", "reply-then-reset"),
            ("half-close --bytes 7", "half-close"),
            ("shutdown-first", "shutdown-first"),
            ("greet --line hello", "greet"),
            ("flapping --up 0.5 --down 5 --name b1", "flapping site b1"),
        ] {
            let plans = plans(line).unwrap();
            assert_eq!(plans.len(), 1, "{line}");
            assert_eq!(plans[0].behaviour.to_string(), shown, "{line}");
            assert_eq!(plans[0].host, "127.0.0.1", "{line}");
        }
    }

    #[test]
    fn three_sites_take_three_ports_in_a_row() {
        let ports = |line| {
            plans(line)
                .unwrap()
                .iter()
                .map(|plan| plan.port)
                .collect::<Vec<_>>()
        };
        assert_eq!(ports("sites"), [9001, 9002, 9003]);
        assert_eq!(ports("sites --port 65533"), [65533, 65534, 65535]);
        assert_eq!(ports("sites --port 0"), [0, 0, 0]);
        assert!(plans("sites --port 65534").is_err());
    }

    #[test]
    fn wrong_values_are_refused() {
        for line in [
            "",
            "nothing",
            "site --colour mauve",
            "echo --port 65536",
            "echo --rate 1",
        ] {
            assert!(plans(line).is_err(), "{line}");
        }
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["", "x", "-1", "NaN", "inf", "1e300"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
