//! What a configuration would change, before it is applied: in sentences, in sessions, and in clients
//! that would move.
//!
//! Pure. The supervisor brings along what it knows of a running l4lb, and cli nothing, for two files.
//! Imports balance, config, pool, messages and requests.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::balance;
use crate::config::{BackendConfig, Balance, Config, PoolConfig, Target, diff};
use crate::messages::Crowd;
use crate::pool::{Backend, BackendId, LiveSet, Member, Order, State, WARM};
use crate::requests::{Foresight, Moved, Touched, TouchedBackend, TouchedListener, TouchedSetting};

/// Sessions go on to their own end.
const FINISHES: &str = "finishes";

/// A configuration, and what operators have put over it.
pub struct Version {
    /// As it is in the file.
    pub file: Config,
    /// As it is served: with the changes of operators, and with backends in the place of names.
    pub effective: Config,
}

/// A backend as it is now.
pub struct Known {
    /// Which one.
    pub backend: Arc<Backend>,
    /// How it stands.
    pub state: State,
}

/// What is known of a running l4lb.
#[derive(Default)]
pub struct Present {
    /// The backends that are served.
    pub backends: Vec<Known>,
    /// What operators would still want of backends, by pool and name; what is not here is ready.
    pub orders: HashMap<(Arc<str>, Arc<str>), Order>,
    /// The live sessions.
    pub crowds: Vec<Crowd>,
}

/// What `new` would change. Nothing is known of sessions where there is no `present`.
#[must_use]
pub fn foresee(old: &Version, new: &Version, present: Option<&Present>) -> Foresight {
    let changes = diff::changes(&old.file, &new.file);
    let nothing = Present::default();
    let before = View::new(present.unwrap_or(&nothing));
    let (old, new) = (&old.effective, &new.effective);
    Foresight {
        changes,
        sessions: present.map(|present| touched(old, new, present)),
        moved: moved(old, new, &before),
    }
}

/// What is known of backends, by what it is looked up by.
struct View<'a> {
    states: HashMap<(&'a str, &'a str, SocketAddr), State>,
    orders: &'a HashMap<(Arc<str>, Arc<str>), Order>,
}

impl<'a> View<'a> {
    fn new(present: &'a Present) -> Self {
        let backends = present.backends.iter();
        let states = backends.map(|it| {
            let backend = &it.backend;
            ((&*backend.pool, &*backend.name, backend.address), it.state)
        });
        Self {
            states: states.collect(),
            orders: &present.orders,
        }
    }

    /// How a backend would stand in this pool; a new one is up.
    fn state(&self, pool: &PoolConfig, backend: &BackendConfig, address: SocketAddr) -> State {
        let known = self.states.get(&(&*pool.name, &*backend.name, address));
        let order = (Arc::clone(&pool.name), Arc::clone(&backend.name));
        match (known, self.orders.get(&order)) {
            // What is not looked for any more is not there.
            (Some(State::Down), _) if pool.health.is_none() => State::Up,
            (Some(State::Ejected), _) if pool.eject.is_none() => State::Up,
            (Some(state), _) => *state,
            (None, Some(Order::Drain)) => State::Drain,
            (None, Some(Order::Maint)) => State::Maint,
            (None, Some(Order::Ready) | None) => State::Up,
        }
    }

    fn live_set(&self, pool: &PoolConfig) -> LiveSet {
        let member = |config: &BackendConfig| {
            let (address, name) = (address(&config.target), Arc::clone(&config.name));
            let pool_name = Arc::clone(&pool.name);
            Member {
                state: self.state(pool, config, address),
                backend: Arc::new(Backend::new(BackendId(0), pool_name, name, address, 0)),
                weight: config.weight,
                warmth: WARM,
                backup: config.backup,
                limit: u32::MAX,
            }
        };
        LiveSet::new(pool.backends.iter().map(member).collect(), pool.all_down)
    }
}

/// Where a backend is. A name of which nothing is known is not looked up: that takes its time, and what
/// matters is that it is elsewhere.
fn address(target: &Target) -> SocketAddr {
    match target {
        Target::Address(address) => *address,
        Target::Name { .. } | Target::Service(_) => stand_in(target),
    }
}

/// An address that is nobody's (RFC 6666), of its own for each name.
fn stand_in(target: &Target) -> SocketAddr {
    let mut hasher = DefaultHasher::new();
    target.hash(&mut hasher);
    let address = 0x0100_u128 << 112 | u128::from(hasher.finish());
    (Ipv6Addr::from_bits(address), 1).into()
}

/// The pools that both have.
fn pairs<'a>(
    old: &'a Config,
    new: &'a Config,
) -> impl Iterator<Item = (&'a PoolConfig, &'a PoolConfig)> {
    let before: HashMap<&str, &PoolConfig> = old.pools.iter().map(|it| (&*it.name, it)).collect();
    let pair = move |is| {
        let is: &PoolConfig = is;
        before.get(&*is.name).map(|was| (*was, is))
    };
    new.pools.iter().filter_map(pair)
}

fn moved(old: &Config, new: &Config, view: &View<'_>) -> Vec<Moved> {
    let moved = pairs(old, new).filter_map(|(was, is)| {
        let pool = &is.name;
        let hashes = [was, is].map(|it| it.balance == Balance::SourceHash);
        let (share, text) = match hashes {
            [false, false] => return None,
            [true, true] => {
                let part = balance::moved(&view.live_set(was), &view.live_set(is));
                let share = percent(part);
                let text = format!("pool {pool}: {share:.1} % of its clients get another backend");
                (Some(share), text)
            }
            [false, true] | [true, false] => {
                let (was, is) = (was.balance, is.balance);
                let why = format!("balance {was} -> {is}");
                let text = format!("pool {pool}: all clients may get another backend ({why})");
                (None, text)
            }
        };
        let pool = pool.to_string();
        Some(Moved { pool, share, text })
    });
    moved.collect()
}

/// To a tenth. What is not nothing does not look like it, nor what is not all.
fn percent(part: f64) -> f64 {
    let tenths = match (part * 1000.0).round() {
        tenths if part > 0.0 && part < 1.0 => tenths.clamp(1.0, 999.0),
        tenths => tenths,
    };
    tenths / 10.0
}

fn touched(old: &Config, new: &Config, present: &Present) -> Touched {
    let is_gone = |name: &&Arc<str>| !new.listeners.iter().any(|it| it.name == **name);
    let listeners = old.listeners.iter().map(|it| &it.name).filter(is_gone);
    let listeners: Vec<&Arc<str>> = listeners.collect();
    let backends = lost_backends(new, &present.backends);
    let lost: HashSet<BackendId> = backends.iter().map(|it| it.backend.id).collect();
    let settings = settings(old, new);
    let count = |is_meant: &dyn Fn(&Crowd) -> bool| -> u32 {
        let crowds = present.crowds.iter().filter(|it| is_meant(it));
        crowds.map(|it| it.sessions).sum()
    };
    let listener = |name: &&Arc<str>| TouchedListener {
        listener: name.to_string(),
        sessions: count(&|it| it.listener == **name),
        fate: FINISHES.to_owned(),
    };
    let backend = |known: &&Known| TouchedBackend {
        pool: known.backend.pool.to_string(),
        backend: known.backend.name.to_string(),
        address: known.backend.address.to_string(),
        sessions: count(&|it| it.backend == Some(known.backend.id)),
        fate: FINISHES.to_owned(),
    };
    let setting = |setting: &Setting<'_>| TouchedSetting {
        setting: setting.to_string(),
        sessions: count(&|it| setting.is_for(it)),
        fate: if setting.holds_at_once() {
            "changes"
        } else {
            "keeps"
        }
        .to_owned(),
    };
    Touched {
        total: count(&|it| {
            let mut at_once = settings.iter().filter(|setting| setting.holds_at_once());
            let has_lost = it.backend.is_some_and(|id| lost.contains(&id));
            has_lost
                || listeners.contains(&&it.listener)
                || at_once.any(|setting| setting.is_for(it))
        }),
        listeners: listeners.iter().map(listener).collect(),
        backends: backends.iter().map(backend).collect(),
        settings: settings.iter().map(setting).collect(),
    }
}

/// A setting that matters to sessions that run.
enum Setting<'a> {
    DrainTimeout,
    /// Of this listener; a session keeps the listener that it came to as it was then.
    IdleTimeout(&'a Arc<str>),
    /// Of this pool; it is looked at when a backend goes down.
    OnDown(&'a Arc<str>),
}

impl Setting<'_> {
    fn holds_at_once(&self) -> bool {
        match self {
            Self::DrainTimeout | Self::OnDown(_) => true,
            Self::IdleTimeout(_) => false,
        }
    }

    fn is_for(&self, crowd: &Crowd) -> bool {
        match self {
            Self::DrainTimeout => true,
            Self::IdleTimeout(listener) => crowd.listener == **listener,
            Self::OnDown(pool) => crowd.pool == **pool && crowd.backend.is_some(),
        }
    }
}

impl fmt::Display for Setting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DrainTimeout => f.write_str("drain_timeout"),
            Self::IdleTimeout(listener) => write!(f, "listener {listener}: idle_timeout"),
            Self::OnDown(pool) => write!(f, "pool {pool}: on_down"),
        }
    }
}

/// Those that are different.
fn settings<'a>(old: &'a Config, new: &'a Config) -> Vec<Setting<'a>> {
    let drain_timeout = (old.drain_timeout != new.drain_timeout).then_some(Setting::DrainTimeout);
    let idle_timeouts = new.listeners.iter().filter_map(|is| {
        let was = old.listeners.iter().find(|was| was.name == is.name)?;
        (was.idle_timeout != is.idle_timeout).then_some(Setting::IdleTimeout(&is.name))
    });
    let on_downs = pairs(old, new)
        .filter(|(was, is)| was.on_down != is.on_down)
        .map(|(_, is)| Setting::OnDown(&is.name));
    drain_timeout
        .into_iter()
        .chain(idle_timeouts)
        .chain(on_downs)
        .collect()
}

/// Backends that `new` does not have, or has elsewhere.
fn lost_backends<'a>(new: &Config, known: &'a [Known]) -> Vec<&'a Known> {
    let mut kept = HashMap::new();
    for pool in &new.pools {
        for it in &pool.backends {
            kept.insert((&*pool.name, &*it.name), address(&it.target));
        }
    }
    let is_lost = |it: &&Known| {
        let key = (&*it.backend.pool, &*it.backend.name);
        kept.get(&key) != Some(&it.backend.address)
    };
    known.iter().filter(is_lost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;

    const FILE: &str = r#"
        [[listener]]
        name = "web"
        listen = "127.0.0.1:9000"
        pool = "app"
        [pool.app]
        balance = "source-hash"
        backends = [
            { name = "a", address = "10.0.0.1:80" },
            { name = "b", address = "b.example:80" },
            { name = "c", address = "10.0.0.3:80" },
            { name = "d", address = "10.0.0.4:80" },
        ]
    "#;

    /// `b.example` is known to be 10.0.0.2, other names are not.
    fn version(text: &str) -> Version {
        let config = |text: &str| match file::parse("l4lb.toml", text.as_bytes()) {
            Ok(document) => document.config(1),
            Err(faults) => panic!("{}", faults.render(false)),
        };
        Version {
            file: config(text),
            effective: config(&text.replace("b.example", "10.0.0.2")),
        }
    }

    /// The backends of [`FILE`] in these states, of which b is at 10.0.0.2.
    fn present(states: [State; 4]) -> Present {
        let config = version(FILE).file;
        let backends = config.pools[0].backends.iter().zip(states).zip(1..);
        let known = backends.map(|((it, state), id)| {
            let address = ([10, 0, 0, id], 80).into();
            let (pool, name) = ("app".into(), Arc::clone(&it.name));
            Known {
                backend: Arc::new(Backend::new(BackendId(id.into()), pool, name, address, 1)),
                state,
            }
        });
        Present {
            backends: known.collect(),
            ..Present::default()
        }
    }

    fn share(to: &str, present: &Present) -> f64 {
        let foresight = foresee(&version(FILE), &version(to), Some(present));
        foresight.moved[0].share.unwrap()
    }

    #[test]
    fn clients_are_counted_as_backends_stand_and_not_as_if_all_were_up() {
        const UP: State = State::Up;
        let without = |name: &str| {
            let lines = FILE
                .lines()
                .filter(|it| !it.contains(&format!("\"{name}\"")));
            lines.collect::<Vec<_>>().join("\n")
        };
        let off = FILE.replace("balance", "health = { type = \"off\" }\nbalance");
        let moved_b = FILE.replace("b.example", "10.0.0.2");
        let other_b = FILE.replace("b.example", "new.example");
        let table = [
            (without("a"), [UP; 4], 25.0),
            (without("a"), [UP, UP, UP, State::Down], 33.3),
            // Its clients are with the others already, who share them out anew.
            (without("a"), [State::Down, UP, UP, UP], 15.5),
            (off.clone(), [State::Down, UP, UP, UP], 25.0),
            (off, [State::Drain, UP, UP, UP], 0.0),
            (moved_b, [UP; 4], 0.0),
            // Those of the old one go, and as many of all come to the new one.
            (other_b, [UP; 4], 40.0),
        ];
        for (to, states, about) in table {
            let share = share(&to, &present(states));
            assert!(
                (share - about).abs() < 1.5,
                "{share} {about} {states:?}\n{to}"
            );
        }
    }

    #[test]
    fn an_order_outlives_the_address_that_it_was_given_for() {
        let to = FILE.replace("10.0.0.1", "10.0.0.9");
        let mut present = present([State::Drain, State::Up, State::Up, State::Up]);
        let as_if_ready = share(&to, &present);
        let key = ("app".into(), "a".into());
        present.orders.insert(key, Order::Drain);
        let drained = share(&to, &present);
        assert!(drained < as_if_ready, "{drained} {as_if_ready}");
        let view = View::new(&present);
        let set = view.live_set(&version(&to).effective.pools[0]);
        assert_eq!(set.members()[0].state, State::Drain);
    }

    #[test]
    fn a_share_is_rounded_and_neither_nothing_nor_all_unless_it_is() {
        let table = [
            (0.0, 0.0),
            (0.000_01, 0.1),
            (0.123_4, 12.3),
            (0.999_99, 99.9),
            (1.0, 100.0),
        ];
        for (part, wanted) in table {
            assert_eq!(percent(part), wanted, "{part}");
        }
    }

    #[test]
    fn a_session_with_two_losses_is_one_session() {
        let mut present = present([State::Up; 4]);
        let crowd = |listener: &str, backend, sessions| Crowd {
            listener: listener.into(),
            pool: "app".into(),
            backend,
            sessions,
        };
        present.crowds = vec![
            crowd("web", Some(BackendId(1)), 3),
            crowd("web", Some(BackendId(2)), 5),
            crowd("gone before", Some(BackendId(1)), 7),
            crowd("gone before", None, 9),
        ];
        let to = FILE
            .replace("\"web\"", "\"www\"")
            .replace("10.0.0.1", "10.0.0.9");
        let foresight = foresee(&version(FILE), &version(&to), Some(&present));
        let touched = foresight.sessions.unwrap();
        assert_eq!(touched.total, 3 + 5 + 7);
        assert_eq!(touched.listeners[0].sessions, 3 + 5);
        assert_eq!(touched.backends[0].sessions, 3 + 7);
    }
}
