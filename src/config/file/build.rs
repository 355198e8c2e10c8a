//! From the types of the file, which have been checked, to a configuration.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::form::{CheckKind, Form, HeaderValue, Name, Written};
use super::model::http::{Http, HttpHeaders};
use super::model::{self, Addresses, Entry, File, Source, Workers};
use crate::config::{
    AcceptProxy, AccessLogConfig, AdminConfig, BackendConfig, Check, Config, DialFrom, EjectConfig,
    HeaderEdits, HealthConfig, HttpConfig, LineFilter, ListenerConfig, MAX_WORKERS, PoolConfig,
    Protocol, RouteConfig, Routes, STATUS_PASSES, ScaleConfig, Statuses,
};
use crate::http::edit::Change;
use crate::http::field;

impl File {
    /// The configuration, on a machine with so many usable cores.
    pub(super) fn config(&self, cores: usize) -> Config {
        let places: HashMap<&str, usize> = self.pool.keys().map(|it| &**it).zip(0..).collect();
        let listeners = self.listener.iter().map(|it| listener(it, &places));
        Config {
            listeners: listeners.collect(),
            pools: self.pool.iter().map(pool).collect(),
            workers: match self.workers {
                Workers::Count(count) => count.into(),
                Workers::Auto(_) => cores.clamp(1, MAX_WORKERS),
            },
            max_connections: self.max_connections.map(size),
            drain_timeout: self.drain_timeout.0,
            access_log: access_log(&self.access_log),
            log_level: self.log.level.0,
            admin: self.admin.as_ref().map(|admin| AdminConfig {
                listen: admin.listen.0.clone(),
                token_file: admin.token_file.as_ref().map(|it| it.0.0.clone()),
            }),
            dns_servers: self.dns.servers.iter().flatten().map(|it| it.0.0).collect(),
        }
    }

    /// Says of each value what it is, where that follows from others.
    pub(super) fn settle(&mut self) {
        for listener in &mut self.listener {
            if listener.protocol.0 == Protocol::Http {
                listener.http.get_or_insert_default();
            }
        }
        for pool in self.pool.values_mut() {
            let connect_timeout = pool.connect_timeout.clone();
            pool.queue_timeout.get_or_insert(connect_timeout);
            if pool.health.r#type.0 == CheckKind::Http {
                let passes: Statuses = Arc::new([STATUS_PASSES]);
                pool.health.status.get_or_insert(Written(passes));
            }
            for entry in pool.backends.iter_mut().flatten() {
                *entry = Entry::Table(entry.settled());
            }
        }
    }
}

impl Entry {
    /// As a table, with a name where the address can be one.
    fn settled(&self) -> model::Backend {
        let mut backend = match self {
            Self::Table(backend) => backend.clone(),
            Self::Address(address) => model::Backend::at(address.clone()),
        };
        let address = backend.address.0.target.to_string();
        let name = || Name::read(&address).ok().map(Written);
        backend.name = backend.name.or_else(name);
        backend
    }
}

fn access_log(log: &model::AccessLog) -> AccessLogConfig {
    let time = |time: &Option<Written<Duration>>| time.as_ref().map(|it| it.0);
    AccessLogConfig {
        output: log.output.0.clone(),
        format: log.format.0.clone(),
        filter: LineFilter {
            interval: time(&log.interval),
            only_errors: log.only_errors,
            min_duration: time(&log.min_duration).unwrap_or_default(),
            sample: log.sample,
        },
    }
}

fn listener(listener: &model::Listener, places: &HashMap<&str, usize>) -> ListenerConfig {
    let place = |name: &Written<Name>| {
        let place = places.get(&*name.0.0).copied();
        place.expect("a file in which a pool is not defined is refused")
    };
    let route = |route: &model::Route| RouteConfig {
        sni: route.sni.iter().flatten().map(|it| it.0.clone()).collect(),
        alpn: route
            .alpn
            .iter()
            .flatten()
            .map(|it| it.0.0.clone())
            .collect(),
        pool: place(&route.pool),
    };
    let pool = listener.pool.as_ref().map(place);
    let routes = listener.route.as_ref().map(|all| {
        let all: Vec<RouteConfig> = all.iter().map(route).collect();
        Routes::new(all, pool)
    });
    let first = routes.as_ref().and_then(|it| Some(it.list().first()?.pool));
    ListenerConfig {
        name: Arc::clone(&listener.name.0.0),
        addresses: match &listener.listen {
            Addresses::One(address) => vec![address.0],
            Addresses::Several(addresses) => addresses.iter().map(|it| it.0).collect(),
        },
        pool: pool
            .or(first)
            .expect("a file with a listener that has neither pool nor route is refused"),
        routes: routes.map(Arc::new),
        idle_timeout: listener.idle_timeout.0,
        max_connections: listener.max_connections,
        accept_proxy: listener.accept_proxy.as_ref().map(|it| AcceptProxy {
            from: it.from.iter().map(|network| network.0).collect(),
        }),
        preamble_timeout: listener.preamble_timeout.0,
        http: match listener.protocol.0 {
            Protocol::Tcp => None,
            Protocol::Http => Some(Arc::new(http(&listener.http.clone().unwrap_or_default()))),
        },
        tls: listener.tls.as_ref().map(super::tls::ListenerTls::build),
    }
}

fn http(http: &Http) -> HttpConfig {
    HttpConfig {
        request_headers: header_edits(http.request_headers.as_ref()),
        response_headers: header_edits(http.response_headers.as_ref()),
        security_headers: http.security_headers,
        forwarded: http.forwarded.as_ref().map(|it| it.0),
        trusted_proxies: http.trusted_proxies.iter().map(|it| it.0).collect(),
        per: http.per.0,
        head_timeout: http.head_timeout.0,
        response_timeout: http.response_timeout.as_ref().map(|it| it.0),
        keep_alive: http.keep_alive.0,
    }
}

fn header_edits(edits: Option<&HttpHeaders>) -> HeaderEdits {
    let Some(edits) = edits else {
        return HeaderEdits::new();
    };
    let named = |(name, value): (&String, &Written<HeaderValue>)| {
        let name =
            field::Name::parse(name).expect("a file with a wrong name of a header is refused");
        (name, value.0.0.clone())
    };
    let remove = edits.remove.iter().map(|it| Change::Remove(it.0.0.clone()));
    let set = edits.set.iter().map(named);
    let add = edits.add.iter().map(named);
    remove
        .chain(set.map(|(name, value)| Change::Set(name, value)))
        .chain(add.map(|(name, value)| Change::Add(name, value)))
        .collect()
}

fn pool((name, pool): (&String, &model::Pool)) -> PoolConfig {
    let time = |time: &Option<Written<Duration>>| time.as_ref().map(|it| it.0);
    PoolConfig {
        name: name.as_str().into(),
        backends: pool
            .backends
            .iter()
            .flatten()
            .map(|it| backend(&it.settled()))
            .collect(),
        backends_file: pool.backends_file.as_ref().map(|it| it.0.0.clone()),
        balance: pool.balance.0,
        connect_timeout: pool.connect_timeout.0,
        retries: pool.retries,
        queue_timeout: time(&pool.queue_timeout).unwrap_or(pool.connect_timeout.0),
        slow_start: time(&pool.slow_start).unwrap_or_default(),
        hedge: pool.hedge,
        send_proxy: pool.send_proxy.as_ref().map(|it| it.0),
        source: pool.source.as_ref().map(|source| match source {
            Source::Client(_) => DialFrom::Client,
            Source::Addresses(all) => DialFrom::Addresses(all.iter().map(|it| it.0).collect()),
        }),
        on_down: pool.on_down.0,
        all_down: pool.all_down.0,
        health: health(&pool.health),
        eject: pool.eject.as_ref().map(|eject| EjectConfig {
            failures: eject.failures,
            base: eject.base.0,
            max: eject.max.0,
            max_percent: eject.max_percent,
        }),
        scale: pool.scale.as_ref().map(scale),
        tls: pool.tls.as_ref().map(super::tls::PoolTls::build),
    }
}

fn scale(scale: &model::Scale) -> ScaleConfig {
    ScaleConfig {
        target: scale.target,
        command: scale.command.iter().map(|word| word.0.0.clone()).collect(),
        after: scale.after.0,
        cool_down: scale.cool_down.0,
        min: scale.min,
        max: scale.max,
        timeout: scale.timeout.0,
    }
}

fn backend(backend: &model::Backend) -> BackendConfig {
    let endpoint = backend.address.0.clone();
    let name = backend.name.as_ref().map(|it| Arc::clone(&it.0.0));
    BackendConfig {
        name: name.unwrap_or_else(|| endpoint.target.to_string().into()),
        tls: endpoint.server_name(),
        target: endpoint.target,
        weight: backend.weight,
        backup: backend.backup,
        max_connections: backend.max_connections,
    }
}

/// `None` where checks are off.
fn health(health: &model::Health) -> Option<HealthConfig> {
    let bytes = |text: Option<&str>| text.unwrap_or_default().as_bytes().into();
    let check = match health.r#type.0 {
        CheckKind::Off => return None,
        CheckKind::Tcp => Check::Tcp,
        CheckKind::Http => Check::Http {
            path: match &health.path {
                Some(path) => Arc::clone(&path.0.0),
                None => "/".into(),
            },
            host: health.host.as_ref().map(|it| Arc::clone(&it.0.0)),
            status: match &health.status {
                Some(status) => Arc::clone(&status.0),
                None => Arc::new([STATUS_PASSES]),
            },
        },
        CheckKind::SendExpect => Check::SendExpect {
            send: bytes(health.send.as_deref()),
            expect: bytes(health.expect.as_ref().map(|it| &*it.0.0)),
        },
    };
    Some(HealthConfig {
        check,
        port: health.port,
        interval: health.interval.0,
        timeout: health.timeout.0,
        rise: health.rise,
        fall: health.fall,
    })
}

/// A number of sessions. Where it does not fit, there can be no more anyway.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
