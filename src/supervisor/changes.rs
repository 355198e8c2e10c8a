//! What operators have changed since the configuration was read. Pure.
//!
//! A change is kept beside the configuration, and put over it whenever there is a new plan. It
//! survives a reload, unless the file changed that same value: then the file is the newer word. It goes
//! by names, so it holds for a backend that was found by DNS as long as there is one of that name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::{BackendConfig, Config, PoolConfig};
use crate::discovery::answers::Answers;
use crate::discovery::expand::expand;
use crate::pool::Order;

/// A backend by the names of its pool and of its own.
type Key = (Arc<str>, Arc<str>);

#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    weights: HashMap<Key, u16>,
    /// Drain and maintenance; what is not here is ready.
    orders: HashMap<Key, Order>,
    /// Backends by pool; what the configuration says of one with that name does not count.
    added: Vec<(Arc<str>, BackendConfig)>,
    /// Backends that were taken away: entries of the configuration, or of several addresses one.
    removed: HashSet<Key>,
}

fn key(pool: &Arc<str>, backend: &BackendConfig) -> Key {
    (Arc::clone(pool), Arc::clone(&backend.name))
}

impl Changes {
    /// `config` with the changes put over it, before names become backends.
    pub(super) fn over(&self, config: &Config) -> Config {
        let mut config = config.clone();
        for pool in &mut config.pools {
            let added = self.added.iter().filter(|(to, _)| *to == pool.name);
            let added: Vec<_> = added.map(|(_, backend)| backend.clone()).collect();
            pool.backends
                .retain(|it| !self.is_added(&key(&pool.name, it)));
            pool.backends.extend(added);
        }
        self.settle(&mut config);
        config
    }

    /// Puts over `config`, in which names have become backends, what concerns these.
    pub(super) fn settle(&self, config: &mut Config) {
        for PoolConfig { name, backends, .. } in &mut config.pools {
            backends.retain(|it| !self.removed.contains(&key(name, it)));
            for backend in backends {
                if let Some(weight) = self.weights.get(&key(name, backend)) {
                    backend.weight = *weight;
                }
            }
        }
    }

    fn is_added(&self, key: &Key) -> bool {
        let mut added = self.added.iter();
        added.any(|(pool, backend)| *pool == key.0 && backend.name == key.1)
    }

    /// What an operator wants of this backend.
    pub(super) fn order(&self, pool: &Arc<str>, backend: &Arc<str>) -> Order {
        let key = (Arc::clone(pool), Arc::clone(backend));
        self.orders.get(&key).copied().unwrap_or(Order::Ready)
    }

    pub(super) fn set_order(&mut self, pool: &Arc<str>, backend: &Arc<str>, order: Order) {
        let key = (Arc::clone(pool), Arc::clone(backend));
        match order {
            Order::Ready => _ = self.orders.remove(&key),
            Order::Drain | Order::Maint => _ = self.orders.insert(key, order),
        }
    }

    pub(super) fn set_weight(&mut self, pool: &Arc<str>, backend: &Arc<str>, weight: u16) {
        let key = (Arc::clone(pool), Arc::clone(backend));
        self.weights.insert(key, weight);
    }

    /// Adds a backend, whose name the pool does not have. Addresses of that name which were taken away
    /// one by one come with it.
    pub(super) fn add(&mut self, pool: &Arc<str>, backend: BackendConfig) {
        self.removed
            .retain(|it| it.0 != *pool || !belongs_to(&it.1, &backend.name));
        self.added.push((Arc::clone(pool), backend));
    }

    /// Takes a backend away, whether what is `written` has it, it was added, or found.
    pub(super) fn remove(
        &mut self,
        (written, answers): (&Config, &Answers),
        pool: &Arc<str>,
        backend: &Arc<str>,
    ) {
        let stays = |key: &Key| key.0 != *pool || !belongs_to(&key.1, backend);
        self.weights.retain(|key, _| stays(key));
        self.orders.retain(|key, _| stays(key));
        self.added
            .retain(|(to, it)| to != pool || it.name != *backend);
        let entries = self.over(written);
        let found = expand(&entries, answers).config;
        let gone = (Arc::clone(pool), Arc::clone(backend));
        if backends([&entries, &found]).contains_key(&gone) {
            self.removed.insert(gone);
        }
    }

    /// The configuration was `old`, from now on it is `new`, each as it is written and as it is when
    /// names have become backends: forgets the changes of what the file has changed itself, and of
    /// what is no more. A backend that neither has, since DNS does not have it now, may come back.
    pub(super) fn rebase(&mut self, old: [&Config; 2], new: [&Config; 2]) {
        let pools = new[0].pools.iter();
        let pools: HashSet<Arc<str>> = pools.map(|it| Arc::clone(&it.name)).collect();
        let (old, new) = (backends(old), backends(new));
        let is_same = |key: &Key| pools.contains(&key.0) && old.get(key) == new.get(key);
        self.weights.retain(|key, _| {
            let weight = |of: &HashMap<Key, &BackendConfig>| of.get(key).map(|it| it.weight);
            pools.contains(&key.0) && weight(&old) == weight(&new)
        });
        self.removed.retain(is_same);
        // What the file says of that name is the newer word, unless it has said so before.
        self.added
            .retain(|(pool, backend)| is_same(&key(pool, backend)));
        let mut orders = std::mem::take(&mut self.orders);
        orders.retain(|key, _| {
            let is_gone = old.contains_key(key) && !new.contains_key(key);
            pools.contains(&key.0) && (!is_gone || self.is_added(key))
        });
        self.orders = orders;
    }
}

/// Whether a backend with this name is the entry, or at one of its addresses.
fn belongs_to(name: &str, entry: &str) -> bool {
    name == entry || name.split_once('@').is_some_and(|(own, _)| own == entry)
}

fn backends(configs: [&Config; 2]) -> HashMap<Key, &BackendConfig> {
    let of_pool = |pool| {
        let pool: &PoolConfig = pool;
        let with_key = move |it| (key(&pool.name, it), it);
        pool.backends.iter().map(with_key)
    };
    let pools = configs.into_iter().flat_map(|it| &it.pools);
    pools.flat_map(of_pool).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AccessLogConfig, defaults};
    use std::time::Duration;

    /// A configuration with the pool `app`, whose backends are given by name and weight.
    fn config(backends: &[(&str, u16)]) -> Config {
        let backend = |(name, weight): &(&str, u16)| BackendConfig {
            weight: *weight,
            ..BackendConfig::new((*name).into(), ([127, 0, 0, 1], 80).into())
        };
        Config {
            listeners: Vec::new(),
            pools: vec![PoolConfig {
                name: "app".into(),
                backends: backends.iter().map(backend).collect(),
                backends_file: None,
                balance: crate::config::Balance::RoundRobin,
                connect_timeout: Duration::from_secs(1),
                retries: 0,
                queue_timeout: Duration::from_secs(1),
                slow_start: Duration::ZERO,
                hedge: false,
                send_proxy: None,
                source: None,
                on_down: crate::config::OnDown::Keep,
                all_down: crate::config::AllDown::Reject,
                health: None,
                eject: None,
                scale: None,
                tls: None,
            }],
            workers: 1,
            max_connections: None,
            drain_timeout: Duration::from_secs(1),
            access_log: AccessLogConfig::default(),
            log_level: defaults::LOG_LEVEL,
            admin: None,
            dns_servers: Vec::new(),
        }
    }

    fn shown(changes: &Changes, config: &Config) -> String {
        let config = changes.over(config);
        let backends = config.pools[0].backends.iter();
        let text = backends.map(|it| format!("{}={}", it.name, it.weight));
        text.collect::<Vec<_>>().join(" ")
    }

    fn names() -> [Arc<str>; 4] {
        ["app", "a", "b", "c"].map(Arc::from)
    }

    #[test]
    fn changes_are_put_over_the_configuration() {
        let [app, a, b, c] = names();
        let file = config(&[("a", 1), ("b", 2)]);
        let mut changes = Changes::default();
        changes.set_weight(&app, &b, 7);
        changes.add(&app, BackendConfig::new(c, ([127, 0, 0, 1], 81).into()));
        assert_eq!(shown(&changes, &file), "a=1 b=7 c=1");
        changes.remove((&file, &Answers::default()), &app, &a);
        assert_eq!(shown(&changes, &file), "b=7 c=1");
        changes.set_order(&app, &b, Order::Drain);
        assert_eq!(changes.order(&app, &b), Order::Drain);
        changes.set_order(&app, &b, Order::Ready);
        assert_eq!(changes.order(&app, &b), Order::Ready);
    }

    #[test]
    fn a_change_survives_a_reload_unless_the_file_changed_that_value() {
        let [app, a, b, c] = names();
        let file = config(&[("a", 1), ("b", 2)]);
        let mut changes = Changes::default();
        changes.set_weight(&app, &a, 5);
        changes.set_weight(&app, &b, 6);
        changes.set_order(&app, &b, Order::Maint);
        changes.add(&app, BackendConfig::new(c, ([127, 0, 0, 1], 81).into()));
        let newer = config(&[("a", 3), ("b", 2)]);
        changes.rebase([&file; 2], [&newer; 2]);
        assert_eq!(shown(&changes, &newer), "a=3 b=6 c=1");
        assert_eq!(changes.order(&app, &b), Order::Maint);
        // The file has an entry of that name now: it is the newer word.
        let newest = config(&[("a", 3), ("b", 2), ("c", 9)]);
        changes.rebase([&newer; 2], [&newest; 2]);
        assert_eq!(shown(&changes, &newest), "a=3 b=6 c=9");
    }

    #[test]
    fn what_was_taken_away_and_added_again_stays_and_goes_with_its_pool() {
        let [app, a, ..] = names();
        let file = config(&[("a", 1), ("b", 2)]);
        let mut changes = Changes::default();
        changes.remove((&file, &Answers::default()), &app, &a);
        let elsewhere = BackendConfig::new(a, ([127, 0, 0, 1], 81).into());
        changes.add(&app, elsewhere);
        let newer = config(&[("a", 1), ("b", 3)]);
        changes.rebase([&file; 2], [&newer; 2]);
        assert_eq!(shown(&changes, &newer), "b=3 a=1");
        let mut without = newer.clone();
        without.pools[0].name = "other".into();
        changes.rebase([&newer; 2], [&without; 2]);
        changes.rebase([&without; 2], [&newer; 2]);
        assert_eq!(shown(&changes, &newer), "a=1 b=3");
    }

    #[test]
    fn what_was_taken_away_stays_away_until_the_file_says_something_new_of_it() {
        let [app, a, ..] = names();
        let file = config(&[("a", 1), ("b", 2)]);
        let mut changes = Changes::default();
        changes.remove((&file, &Answers::default()), &app, &a);
        let same = config(&[("a", 1), ("b", 3)]);
        changes.rebase([&file; 2], [&same; 2]);
        assert_eq!(shown(&changes, &same), "b=3");
        let other = config(&[("a", 2), ("b", 3)]);
        changes.rebase([&same; 2], [&other; 2]);
        assert_eq!(shown(&changes, &other), "a=2 b=3");
    }

    #[test]
    fn what_was_changed_of_one_of_several_addresses_holds_while_dns_has_it_and_when_it_comes_back()
    {
        let app: Arc<str> = "app".into();
        let [one, two] = ["web@10.0.0.1:80", "web@10.0.0.2:80"].map(Arc::<str>::from);
        let written = config(&[("web", 1)]);
        let found = config(&[("web@10.0.0.1:80", 1), ("web@10.0.0.2:80", 1)]);
        let mut changes = Changes::default();
        changes.remove((&found, &Answers::default()), &app, &one);
        changes.set_weight(&app, &two, 7);
        changes.set_order(&app, &two, Order::Drain);
        let expect = |changes: &Changes| {
            assert_eq!(shown(changes, &found), "web@10.0.0.2:80=7");
            assert_eq!(changes.order(&app, &two), Order::Drain);
        };
        expect(&changes);
        let nobody = config(&[]);
        for now in [&found, &nobody] {
            changes.rebase([&written, now], [&written, now]);
            expect(&changes);
        }
        changes.rebase([&written, &found], [&nobody, &nobody]);
        assert_eq!(changes.order(&app, &two), Order::Ready, "it is no more");
        assert_eq!(
            shown(&changes, &found),
            "web@10.0.0.1:80=1 web@10.0.0.2:80=1"
        );
    }

    #[test]
    fn what_was_added_in_the_place_of_an_entry_goes_with_it_when_it_is_taken_away() {
        let [app, a, ..] = names();
        let file = config(&[("a", 1), ("b", 2)]);
        let mut changes = Changes::default();
        changes.remove((&file, &Answers::default()), &app, &a);
        changes.add(
            &app,
            BackendConfig::new(Arc::clone(&a), ([127, 0, 0, 1], 81).into()),
        );
        assert_eq!(shown(&changes, &file), "b=2 a=1");
        changes.remove((&file, &Answers::default()), &app, &a);
        assert_eq!(shown(&changes, &file), "b=2");
    }

    #[test]
    fn whoever_adds_a_name_again_has_all_its_addresses() {
        let [app, a, ..] = names();
        let found = config(&[
            ("a@10.0.0.1:80", 1),
            ("a@10.0.0.2:80", 1),
            ("b@10.0.0.1:80", 1),
        ]);
        let nothing = Answers::default();
        let mut changes = Changes::default();
        for name in ["a@10.0.0.1:80", "b@10.0.0.1:80"] {
            changes.remove((&found, &nothing), &app, &name.into());
        }
        assert_eq!(shown(&changes, &found), "a@10.0.0.2:80=1");
        changes.set_weight(&app, &"a@10.0.0.2:80".into(), 7);
        changes.remove((&config(&[("a", 1)]), &nothing), &app, &a);
        changes.add(&app, BackendConfig::new(a, ([127, 0, 0, 1], 81).into()));
        assert_eq!(
            shown(&changes, &found),
            "a@10.0.0.1:80=1 a@10.0.0.2:80=1 a=1"
        );
    }
}
