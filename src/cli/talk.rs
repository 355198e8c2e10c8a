//! From a command for a running l4lb to what the client says there: every word is checked here.

use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::commands::{
    Backends, Connections, Drain, Explain, Kill, Maint, Ready, Reload, Status, Top, Weight,
};
use super::values::{duration, number, or_default};
use super::{Failure, Task, is_coloured};
use crate::client::{self, Act, BackendName, Caller, Command, Form, Look, Talk};
use crate::config::{self, AdminAddress};
use crate::pool::Order;

/// Where an l4lb is looked for when nobody says where it is.
const ADMIN: &str = "127.0.0.1:9090";
/// Names the token file where no flag does.
const TOKEN_FILE: &str = "L4LB_TOKEN_FILE";
/// Connections that are shown when nobody says how many.
const CONNECTIONS: usize = 100;
/// As many as the API shows at once.
const MOST_CONNECTIONS: usize = 10_000;

pub(super) fn status(it: &Status) -> Result<Task, Failure> {
    let what = if it.ready {
        Look::Readiness
    } else {
        Look::Status
    };
    look(it.admin.as_ref(), it.json, what)
}

pub(super) fn backends(it: &Backends) -> Result<Task, Failure> {
    let pool = it.pool.as_ref().map(|text| name("pool", text));
    look(
        it.admin.as_ref(),
        it.json,
        Look::Backends(pool.transpose()?),
    )
}

pub(super) fn connections(it: &Connections) -> Result<Task, Failure> {
    let limit = |text: &str| number("--limit", text, &(1..=MOST_CONNECTIONS));
    let limit = or_default(it.limit.as_ref(), CONNECTIONS, limit)?;
    look(it.admin.as_ref(), it.json, Look::Connections(limit))
}

pub(super) fn explain(it: &Explain) -> Result<Task, Failure> {
    let client = config::client_address(&it.client)
        .map_err(|why| Failure::Usage(format!("--client: {why}")))?;
    let listener = it.listener.as_ref().map(|text| name("listener", text));
    let listener = listener.transpose()?;
    let sni = it.sni.as_ref().map(|text| config::asked_name(text));
    let sni = sni.transpose();
    let sni = sni.map_err(|why| Failure::Usage(format!("--sni: {why}")))?;
    let caller = Caller {
        client,
        listener,
        sni,
        alpn: it.alpn.clone(),
    };
    look(
        it.admin.as_ref(),
        it.json,
        Look::Explanation(Box::new(caller)),
    )
}

pub(super) fn top(it: &Top) -> Result<Task, Failure> {
    let is_watched = !it.once && !it.json;
    if !(is_watched && io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return look(it.admin.as_ref(), it.json, Look::Overview);
    }
    let is_coloured = is_coloured(&io::stdout());
    talk(it.admin.as_ref(), Command::Watch { is_coloured })
}

pub(super) fn drain(it: &Drain) -> Result<Task, Failure> {
    let what = match (&it.backend, &it.over) {
        (None, None) => Act::Drain,
        (Some(backend), None) => order(backend, Order::Drain)?,
        (Some(backend), Some(over)) => {
            Act::DrainOver(backend_name(backend)?, duration("--over", over)?)
        }
        (None, Some(_)) => {
            let text = "--over goes with a backend: the whole process has its drain_timeout";
            return Err(Failure::Usage(text.to_owned()));
        }
    };
    act(it.admin.as_ref(), it.token_file.as_ref(), what)
}

pub(super) fn ready(it: &Ready) -> Result<Task, Failure> {
    let what = order(&it.backend, Order::Ready)?;
    act(it.admin.as_ref(), it.token_file.as_ref(), what)
}

pub(super) fn maint(it: &Maint) -> Result<Task, Failure> {
    let what = order(&it.backend, Order::Maint)?;
    act(it.admin.as_ref(), it.token_file.as_ref(), what)
}

pub(super) fn weight(it: &Weight) -> Result<Task, Failure> {
    let backend = backend_name(&it.backend)?;
    let what = Act::Weight(backend, number("weight", &it.weight, &(0..=u16::MAX))?);
    act(it.admin.as_ref(), it.token_file.as_ref(), what)
}

pub(super) fn kill(it: &Kill) -> Result<Task, Failure> {
    let what = Act::Kill(connection(&it.connection)?);
    act(it.admin.as_ref(), it.token_file.as_ref(), what)
}

pub(super) fn reload(it: &Reload) -> Result<Task, Failure> {
    act(it.admin.as_ref(), it.token_file.as_ref(), Act::Reload)
}

fn look(admin: Option<&String>, is_json: bool, look: Look) -> Result<Task, Failure> {
    talk(admin, Command::Look(look, form(is_json)))
}

/// How something is shown on standard output.
pub(super) fn form(is_json: bool) -> Form {
    let is_coloured = is_coloured(&io::stdout());
    if is_json {
        Form::Json
    } else {
        Form::Text { is_coloured }
    }
}

fn act(admin: Option<&String>, token_file: Option<&String>, act: Act) -> Result<Task, Failure> {
    talk(admin, Command::Act(act, token(token_file)))
}

/// The file with the token: the one that is named, else that of the environment.
pub(super) fn token(named: Option<&String>) -> Option<PathBuf> {
    let in_environment = || std::env::var_os(TOKEN_FILE).filter(|it| !it.is_empty());
    let named = named.map(PathBuf::from);
    named.or_else(|| in_environment().map(PathBuf::from))
}

pub(super) fn talk(admin: Option<&String>, command: Command) -> Result<Task, Failure> {
    let admin = address(admin.map_or(ADMIN, String::as_str))?;
    Ok(Task::Talk(Talk { admin, command }))
}

fn order(backend: &str, order: Order) -> Result<Act, Failure> {
    Ok(Act::Order(backend_name(backend)?, order))
}

/// `POOL/BACKEND` or `BACKEND`.
fn backend_name(text: &str) -> Result<BackendName, Failure> {
    let (pool, backend) = text
        .split_once('/')
        .map_or((None, text), |(pool, backend)| (Some(pool), backend));
    Ok(BackendName {
        pool: pool.map(|pool| name("pool", pool)).transpose()?,
        backend: checked("backend", backend, config::served_name)?,
    })
}

fn name(what: &str, text: &str) -> Result<String, Failure> {
    checked(what, text, config::name)
}

fn checked(
    what: &str,
    text: &str,
    check: fn(&str) -> Result<&str, String>,
) -> Result<String, Failure> {
    match check(text) {
        Ok(name) => Ok(name.to_owned()),
        Err(why) => Err(Failure::Usage(format!("{text:?} is no {what}: {why}"))),
    }
}

/// The id of a connection, as it is shown.
fn connection(text: &str) -> Result<String, Failure> {
    match u64::from_str_radix(text, 16) {
        Ok(id) if !text.starts_with('+') => Ok(format!("{id:x}")),
        Ok(_) | Err(_) => Err(Failure::Usage(format!(
            "{text:?} is no connection: an id has up to 16 hexadecimal digits, such as 8f21"
        ))),
    }
}

/// Where to connect. What listens on all addresses is reached by the one of this machine.
fn address(text: &str) -> Result<AdminAddress, Failure> {
    let failure = |why: String| Failure::Usage(format!("--admin {text:?}: {why}"));
    match AdminAddress::parse(text).map_err(failure)? {
        AdminAddress::Tcp(address) if address.port() == 0 => {
            Err(failure("nobody can be reached at port 0".to_owned()))
        }
        AdminAddress::Tcp(SocketAddr::V4(mut address)) if address.ip().is_unspecified() => {
            address.set_ip(Ipv4Addr::LOCALHOST);
            Ok(AdminAddress::Tcp(address.into()))
        }
        AdminAddress::Tcp(SocketAddr::V6(mut address)) if address.ip().is_unspecified() => {
            address.set_ip(Ipv6Addr::LOCALHOST);
            Ok(AdminAddress::Tcp(address.into()))
        }
        reachable @ (AdminAddress::Tcp(_) | AdminAddress::Unix(_)) => Ok(reachable),
    }
}

impl From<client::Failure> for Failure {
    fn from(failure: client::Failure) -> Self {
        match failure {
            client::Failure::Ambiguous(text) => Self::Usage(text),
            client::Failure::Refused(text) | client::Failure::Invalid(text) => Self::Runtime(text),
            client::Failure::Nobody(text) => Self::Nobody(text),
            client::Failure::Config(pictures) => Self::Config(pictures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    fn talk_of(words: &str) -> Result<Talk, Failure> {
        match cli::task(words.split_whitespace().map(Into::into).collect())? {
            Task::Talk(talk) => Ok(talk),
            other => panic!("{words}: {other:?}"),
        }
    }

    fn act_of(words: &str) -> Act {
        match talk_of(words).unwrap().command {
            Command::Act(act, _) => act,
            other => panic!("{words}: {other:?}"),
        }
    }

    fn look_of(words: &str) -> (Look, Form) {
        match talk_of(words).unwrap().command {
            Command::Look(look, form) => (look, form),
            other => panic!("{words}: {other:?}"),
        }
    }

    fn backend(pool: Option<&str>, backend: &str) -> BackendName {
        BackendName {
            pool: pool.map(str::to_owned),
            backend: backend.to_owned(),
        }
    }

    #[test]
    fn each_command_says_what_it_is_named_for() {
        let table = [
            ("drain", Act::Drain),
            ("drain b2", Act::Order(backend(None, "b2"), Order::Drain)),
            (
                "drain b2 --over 10m",
                Act::DrainOver(backend(None, "b2"), std::time::Duration::from_secs(600)),
            ),
            (
                "ready app/b2",
                Act::Order(backend(Some("app"), "b2"), Order::Ready),
            ),
            (
                "maint app/b2",
                Act::Order(backend(Some("app"), "b2"), Order::Maint),
            ),
            (
                "weight [::1]:80 0",
                Act::Weight(backend(None, "[::1]:80"), 0),
            ),
            ("weight b2 65535", Act::Weight(backend(None, "b2"), 65_535)),
            ("kill 8f21", Act::Kill("8f21".to_owned())),
            ("kill 00FF", Act::Kill("ff".to_owned())),
            ("reload", Act::Reload),
        ];
        for (words, act) in table {
            assert_eq!(act_of(words), act, "{words}");
        }
        let table = [
            ("status", Look::Status),
            ("status --ready", Look::Readiness),
            ("backends", Look::Backends(None)),
            ("backends app", Look::Backends(Some("app".to_owned()))),
            ("connections", Look::Connections(100)),
            ("connections --limit 10000", Look::Connections(10_000)),
            ("top --once", Look::Overview),
            (
                "explain --client [::1]:5555",
                Look::Explanation(Box::new(Caller {
                    client: Ipv6Addr::LOCALHOST.into(),
                    listener: None,
                    sni: None,
                    alpn: None,
                })),
            ),
            (
                "explain --client 10.0.0.1 --listener web --sni Shop.example. --alpn h2",
                Look::Explanation(Box::new(Caller {
                    client: [10, 0, 0, 1].into(),
                    listener: Some("web".to_owned()),
                    sni: Some("shop.example".into()),
                    alpn: Some("h2".to_owned()),
                })),
            ),
        ];
        for (words, look) in table {
            assert_eq!(look_of(words).0, look, "{words}");
            assert_ne!(look_of(words).1, Form::Json, "{words}");
            assert_eq!(
                look_of(&format!("{words} --json")),
                (look, Form::Json),
                "{words}"
            );
        }
    }

    #[test]
    fn what_listens_on_all_addresses_is_reached_on_this_machine() {
        let table = [
            ("", "127.0.0.1:9090"),
            ("--admin 10.0.0.1:80", "10.0.0.1:80"),
            ("--admin 0.0.0.0:80", "127.0.0.1:80"),
            ("--admin [::]:80", "[::1]:80"),
            ("--admin unix:/run/l4lb.sock", "unix:/run/l4lb.sock"),
        ];
        for (words, address) in table {
            let talk = talk_of(&format!("status {words}")).unwrap();
            assert_eq!(talk.admin.to_string(), address, "{words}");
        }
    }

    #[test]
    fn the_token_file_goes_with_what_changes_something() {
        let talk = talk_of("kill 1 --token-file /etc/token").unwrap();
        let wanted = Command::Act(Act::Kill("1".to_owned()), Some("/etc/token".into()));
        assert_eq!(talk.command, wanted);
    }

    #[test]
    fn a_wrong_word_is_a_usage_error_that_says_what_it_should_be() {
        let table = [
            ("drain a/b/c", "\"b/c\" is no backend: a name has"),
            ("drain /b", "\"\" is no pool: a name has"),
            ("backends a/b", "\"a/b\" is no pool"),
            ("weight b2", "N"),
            (
                "weight b2 65536",
                "weight: \"65536\" is not a number from 0 to 65535",
            ),
            ("ready", "[POOL/]BACKEND"),
            ("drain a b", "b"),
            ("kill xyz", "\"xyz\" is no connection"),
            ("kill +1", "\"+1\" is no connection"),
            ("kill 10000000000000000", "up to 16 hexadecimal digits"),
            ("connections --limit 0", "from 1 to 10000"),
            ("connections --limit 10001", "from 1 to 10000"),
            ("explain", "--client"),
            ("explain --client web", "--client: 'web' is no client"),
            (
                "explain --client ::1 --sni a..b",
                "--sni: 'a..b' is no name",
            ),
            (
                "explain --client ::1 --listener a/b",
                "\"a/b\" is no listener",
            ),
            ("status --admin 127.0.0.1", "--admin \"127.0.0.1\""),
            ("status --admin 127.0.0.1:0", "port 0"),
            ("status --admin unix:", "has no path"),
        ];
        for (words, hint) in table {
            let failure = talk_of(words).unwrap_err();
            assert_eq!(failure.exit_code(), 2, "{words}");
            assert!(failure.to_string().contains(hint), "{words}: {failure}");
        }
    }
}
