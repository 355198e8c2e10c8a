//! Which backend an operator means.

use super::api::Api;
use super::{BackendName, Failure};
use crate::config;
use crate::requests::{Backend, Caller, Pool, backends_path, segment};

/// Where it is explained what a client would get.
pub(super) fn explanation_path(caller: &Caller) -> String {
    let mut path = format!("/v1/explain?client={}", caller.client);
    let more = [
        ("listener", caller.listener.as_deref()),
        ("sni", caller.sni.as_deref()),
        ("alpn", caller.alpn.as_deref()),
    ];
    for (key, value) in more {
        if let Some(value) = value {
            path += &format!("&{key}={}", segment(value));
        }
    }
    path
}

/// The backends of a pool.
pub(super) fn backends_of(api: &Api, pool: &str) -> Result<Vec<Backend>, Failure> {
    api.list(&backends_path(pool), "backends")
}

/// The names of the pools.
pub(super) fn pools(api: &Api) -> Result<Vec<String>, Failure> {
    let pools: Vec<Pool> = api.list("/v1/pools", "pools")?;
    Ok(pools.into_iter().map(|pool| pool.name).collect())
}

/// The backend with this name, as it is now.
pub(super) fn backend(api: &Api, name: &BackendName) -> Result<Backend, Failure> {
    let pools = name
        .pool
        .clone()
        .map_or_else(|| pools(api), |pool| Ok(vec![pool]))?;
    let mut all = Vec::new();
    for pool in &pools {
        all.extend(backends_of(api, pool)?);
    }
    only(all, name)
}

/// The one of `backends` that has the name.
fn only(backends: Vec<Backend>, name: &BackendName) -> Result<Backend, Failure> {
    let wanted = &name.backend;
    let (mut found, others): (Vec<_>, Vec<_>) =
        backends.into_iter().partition(|it| it.name == *wanted);
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(full_name).collect();
        let names = names.join(" or ");
        return Err(Failure::Ambiguous(format!("{wanted} can be {names}")));
    }
    found.pop().ok_or_else(|| {
        let names: Vec<&str> = others.iter().map(|it| it.name.as_str()).collect();
        let hint = config::hint(wanted, &names);
        let whose = name.pool.as_ref().map(|pool| format!(" in pool {pool}"));
        let whose = whose.unwrap_or_default();
        Failure::Refused(format!("there is no backend {wanted}{whose}{hint}"))
    })
}

/// `POOL/BACKEND`.
pub(super) fn full_name(backend: &Backend) -> String {
    format!("{}/{}", backend.pool, backend.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(pool: &str, name: &str) -> Backend {
        Backend {
            pool: pool.to_owned(),
            name: name.to_owned(),
            address: "127.0.0.1:1".to_owned(),
            weight: 1,
            state: "up".to_owned(),
            since: "2026-11-20T12:20:02.481Z".to_owned(),
            backup: false,
            max_connections: None,
            connections_active: 0,
            connections_total: 0,
            bytes_in: 0,
            bytes_out: 0,
            connect_errors_total: 0,
            last_check: None,
            paced_drain: None,
        }
    }

    fn found(pool: Option<&str>, name: &str) -> Result<String, Failure> {
        let all = [("app", "b1"), ("app", "b2"), ("web", "b2"), ("web", "c")];
        let all = all
            .iter()
            .filter(|(it, _)| pool.is_none_or(|pool| pool == *it));
        let all = all.map(|(pool, name)| backend(pool, name)).collect();
        let name = BackendName {
            pool: pool.map(str::to_owned),
            backend: name.to_owned(),
        };
        only(all, &name).map(|it| full_name(&it))
    }

    #[test]
    fn a_pool_may_be_left_out_where_the_name_is_unique() {
        assert_eq!(found(None, "b1").as_deref(), Ok("app/b1"));
        assert_eq!(found(None, "c").as_deref(), Ok("web/c"));
        assert_eq!(found(Some("web"), "b2").as_deref(), Ok("web/b2"));
    }

    #[test]
    fn a_name_that_two_pools_have_is_ambiguous_and_both_are_listed() {
        let text = "b2 can be app/b2 or web/b2".to_owned();
        assert_eq!(found(None, "b2"), Err(Failure::Ambiguous(text)));
    }

    #[test]
    fn a_name_that_nobody_has_is_answered_with_the_nearest() {
        let table = [
            (None, "b3", "there is no backend b3: did you mean b1?"),
            (
                Some("web"),
                "d",
                "there is no backend d in pool web: did you mean c?",
            ),
            (None, "frontend", "there is no backend frontend"),
        ];
        for (pool, name, text) in table {
            assert_eq!(found(pool, name), Err(Failure::Refused(text.to_owned())));
        }
    }

    #[test]
    fn every_name_can_stand_in_a_path() {
        let backend = backend("app", "[::1]:80");
        assert_eq!(backend.path(), "/v1/pools/app/backends/%5B::1%5D:80");
        assert!(backend.path().parse::<hyper::Uri>().is_ok());
    }
}
