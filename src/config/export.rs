//! A configuration as data, with the keys of the file. Pure.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    AccessLogConfig, BackendConfig, CertificateFiles, Certificates, Check, Config, DialFrom,
    HeaderEdits, HealthConfig, HttpConfig, ListenerConfig, ListenerTls, PoolConfig, PoolTls,
    RouteConfig, ScaleConfig, forwarded_name,
};
use crate::http::edit::Change;

/// What a file would have to say for this configuration; a file of it is read as the same one.
#[must_use]
pub fn to_json(config: &Config) -> Value {
    let listeners = config.listeners.iter();
    let pools = config.pools.iter();
    let pools: Map<_, _> = pools.map(|it| (it.name.to_string(), pool(it))).collect();
    let mut all = json!({
        "workers": config.workers,
        "drain_timeout": time(config.drain_timeout),
        "log": { "level": config.log_level.as_str().to_lowercase() },
        "access_log": access_log(&config.access_log),
        "listener": listeners.map(|it| listener(it, config)).collect::<Vec<_>>(),
        "pool": pools,
    });
    if let Some(most) = config.max_connections {
        all["max_connections"] = json!(most);
    }
    if let Some(admin) = &config.admin {
        all["admin"] = json!({ "listen": admin.listen.to_string() });
        if let Some(path) = &admin.token_file {
            all["admin"]["token_file"] = json!(path.display().to_string());
        }
    }
    if !config.dns_servers.is_empty() {
        let servers = config.dns_servers.iter().map(ToString::to_string);
        all["dns"] = json!({ "servers": servers.collect::<Vec<_>>() });
    }
    all
}

fn access_log(log: &AccessLogConfig) -> Value {
    let filter = &log.filter;
    let mut all = json!({
        "output": log.output.to_string(),
        "format": log.format.text(),
        "only_errors": filter.only_errors,
        "sample": filter.sample,
    });
    if let Some(interval) = filter.interval {
        all["interval"] = json!(time(interval));
    }
    if !filter.min_duration.is_zero() {
        all["min_duration"] = json!(time(filter.min_duration));
    }
    all
}

fn listener(listener: &ListenerConfig, config: &Config) -> Value {
    let addresses = listener.addresses.iter().map(ToString::to_string);
    let mut all = json!({
        "name": &*listener.name,
        "listen": addresses.collect::<Vec<_>>(),
        "idle_timeout": time(listener.idle_timeout),
        "preamble_timeout": time(listener.preamble_timeout),
    });
    if let Some(pool) = listener.default_pool() {
        all["pool"] = json!(&*config.pools[pool].name);
    }
    if let Some(most) = listener.max_connections {
        all["max_connections"] = json!(most);
    }
    if let Some(accept) = &listener.accept_proxy {
        let from = accept.from.iter().map(ToString::to_string);
        all["accept_proxy"] = json!({ "from": from.collect::<Vec<_>>() });
    }
    if let Some(it) = &listener.http {
        all["protocol"] = json!("http");
        all["http"] = http(it);
    }
    if let Some(routes) = &listener.routes {
        all["route"] = routes.list().iter().map(|it| route(it, config)).collect();
    }
    if let Some(tls) = &listener.tls {
        all["tls"] = listener_tls(tls);
    }
    all
}

fn route(route: &RouteConfig, config: &Config) -> Value {
    let mut all = json!({ "pool": &*config.pools[route.pool].name });
    if !route.sni.is_empty() {
        all["sni"] = route.sni.iter().map(ToString::to_string).collect();
    }
    if !route.alpn.is_empty() {
        all["alpn"] = json!(route.alpn);
    }
    all
}

fn http(http: &HttpConfig) -> Value {
    let networks = http.trusted_proxies.iter().map(ToString::to_string);
    let mut all = json!({
        "head_timeout": time(http.head_timeout),
        "keep_alive": time(http.keep_alive),
        "per": http.per.name(),
        "security_headers": http.security_headers,
    });
    if let Some(it) = http.response_timeout {
        all["response_timeout"] = json!(time(it));
    }
    if let Some(it) = http.forwarded {
        all["forwarded"] = json!(forwarded_name(it));
        all["trusted_proxies"] = networks.collect();
    }
    let edits = [
        ("request_headers", &http.request_headers),
        ("response_headers", &http.response_headers),
    ];
    for (key, edits) in edits.into_iter().filter(|(_, it)| !it.is_empty()) {
        all[key] = header_edits(edits);
    }
    all
}

fn listener_tls(tls: &ListenerTls) -> Value {
    let mut all = json!({
        "certificates": match &tls.certificates {
            Certificates::Folder(path) => json!(path.display().to_string()),
            Certificates::Files(all) => all.iter().map(files).collect(),
        },
        "min_version": tls.min_version.name(),
        "handshake_timeout": time(tls.handshake_timeout),
        "max_handshakes": tls.max_handshakes,
        "session_tickets": tls.session_tickets,
    });
    if !tls.alpn.is_empty() {
        all["alpn"] = json!(tls.alpn.iter().map(|it| &**it).collect::<Vec<_>>());
    }
    if let Some(path) = &tls.client_ca {
        all["client_ca"] = json!(path.display().to_string());
        all["client_certificates"] = json!(tls.client_certificates.name());
    }
    all
}

fn header_edits(edits: &HeaderEdits) -> Value {
    let (mut remove, mut set, mut add) = (Vec::new(), Map::new(), Map::new());
    for edit in edits {
        match edit {
            Change::Remove(name) => remove.push(json!(name.text())),
            Change::Set(name, value) => {
                set.insert(name.text().to_owned(), json!(value.text()));
            }
            Change::Add(name, value) => {
                add.insert(name.text().to_owned(), json!(value.text()));
            }
        }
    }
    json!({ "remove": remove, "set": set, "add": add })
}

fn files(files: &CertificateFiles) -> Value {
    let mut all = json!({ "cert": files.cert.display().to_string() });
    if let Some(key) = &files.key {
        all["key"] = json!(key.display().to_string());
    }
    all
}

fn pool_tls(tls: &PoolTls) -> Value {
    let mut all = tls.certificate.as_ref().map_or_else(|| json!({}), files);
    all["verify"] = json!(tls.verify);
    if let Some(path) = &tls.ca {
        all["ca"] = json!(path.display().to_string());
    }
    if let Some(name) = &tls.server_name {
        all["server_name"] = json!(&**name);
    }
    if !tls.alpn.is_empty() {
        all["alpn"] = json!(tls.alpn.iter().map(|it| &**it).collect::<Vec<_>>());
    }
    all
}

fn pool(pool: &PoolConfig) -> Value {
    let mut all = json!({
        "balance": pool.balance.name(),
        "connect_timeout": time(pool.connect_timeout),
        "retries": pool.retries,
        "queue_timeout": time(pool.queue_timeout),
        "hedge": pool.hedge,
        "on_down": pool.on_down.name(),
        "all_down": pool.all_down.name(),
        "health": pool.health.as_ref().map_or_else(|| json!({ "type": "off" }), health),
    });
    if let Some(version) = pool.send_proxy {
        all["send_proxy"] = json!(version.name());
    }
    match &pool.source {
        Some(DialFrom::Client) => all["source"] = json!("client"),
        Some(DialFrom::Addresses(addresses)) => {
            all["source"] = addresses.iter().map(ToString::to_string).collect();
        }
        None => {}
    }
    if let Some(path) = &pool.backends_file {
        all["backends_file"] = json!(path.display().to_string());
    }
    if !pool.backends.is_empty() {
        all["backends"] = pool.backends.iter().map(backend).collect();
    }
    if !pool.slow_start.is_zero() {
        all["slow_start"] = json!(time(pool.slow_start));
    }
    if let Some(eject) = &pool.eject {
        all["eject"] = json!({
            "failures": eject.failures,
            "base": time(eject.base),
            "max": time(eject.max),
            "max_percent": eject.max_percent,
        });
    }
    if let Some(it) = &pool.scale {
        all["scale"] = scale(it);
    }
    if let Some(tls) = &pool.tls {
        all["tls"] = pool_tls(tls);
    }
    all
}

fn scale(scale: &ScaleConfig) -> Value {
    json!({
        "target": scale.target,
        "command": *scale.command,
        "after": time(scale.after),
        "cool_down": time(scale.cool_down),
        "min": scale.min,
        "max": scale.max,
        "timeout": time(scale.timeout),
    })
}

fn health(health: &HealthConfig) -> Value {
    let mut all = match &health.check {
        Check::Tcp => json!({ "type": "tcp" }),
        Check::Http { path, host, status } => {
            let ranges = status
                .iter()
                .map(|it| format!("{}-{}", it.start(), it.end()));
            let mut all = json!({
                "type": "http",
                "path": &**path,
                "status": ranges.collect::<Vec<_>>().join(","),
            });
            if let Some(host) = host {
                all["host"] = json!(&**host);
            }
            all
        }
        Check::SendExpect { send, expect } => json!({
            "type": "send-expect",
            "send": String::from_utf8_lossy(send),
            "expect": String::from_utf8_lossy(expect),
        }),
    };
    all["interval"] = json!(time(health.interval));
    all["timeout"] = json!(time(health.timeout));
    all["rise"] = json!(health.rise);
    all["fall"] = json!(health.fall);
    if let Some(port) = health.port {
        all["port"] = json!(port);
    }
    all
}

fn backend(backend: &BackendConfig) -> Value {
    let address = backend.endpoint().to_string();
    let name = backend.target.to_string();
    let mut all = json!({
        "address": address,
        "weight": backend.weight,
        "backup": backend.backup,
    });
    // Without one it goes by its address, which may be longer than a name.
    if *backend.name != *name {
        all["name"] = json!(&*backend.name);
    }
    if let Some(most) = backend.max_connections {
        all["max_connections"] = json!(most);
    }
    all
}

fn time(value: Duration) -> String {
    humantime::format_duration(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;

    const FILE: &str = r#"
        workers = 2
        max_connections = 900
        [log]
        level = "warn"
        [access_log]
        output = "/var/log/l4lb.log"
        format = "{client} {{x}} {term}"
        interval = "10m"
        only_errors = true
        min_duration = "1s"
        sample = 0.1
        [admin]
        listen = "127.0.0.1:9090"
        [dns]
        servers = ["10.0.0.2:53", "::1"]
        [[listener]]
        name = "web"
        listen = ["127.0.0.1:9000", "[::1]:9000"]
        pool = "app"
        max_connections = 500
        accept_proxy = { from = ["10.0.0.0/8", "::1"] }
        preamble_timeout = "7s"
        [listener.tls]
        certificates = [{ cert = "a.pem", key = "a.key" }, { cert = "b.pem" }]
        min_version = "1.3"
        alpn = ["h2", "http/1.1"]
        client_ca = "ca.pem"
        client_certificates = "optional"
        handshake_timeout = "3s"
        max_handshakes = 7
        session_tickets = false
        [[listener]]
        name = "folder"
        listen = "127.0.0.1:9001"
        pool = "app"
        tls = { certificates = "/etc/l4lb/certs" }
        [[listener]]
        name = "tls"
        listen = "127.0.0.1:9443"
        preamble_timeout = "9s"
        route = [{ sni = ["a.example", "*.b.example"], alpn = ["h2"], pool = "app" }, { pool = "mail" }]
        [[listener]]
        name = "both"
        listen = "127.0.0.1:9444"
        pool = "bare"
        route = [{ sni = ["a.example"], pool = "app" }]
        [[listener]]
        name = "site"
        listen = "127.0.0.1:8000"
        pool = "app"
        protocol = "http"
        [listener.http]
        head_timeout = "3s"
        response_timeout = "4s"
        keep_alive = "5s"
        per = "request"
        forwarded = "rfc7239"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        security_headers = true
        request_headers = { set = { X-Lb = "{listener}" }, remove = ["Cookie2"] }
        response_headers = { add = { X-Served-By = "{backend}" } }
        [[listener]]
        name = "bare"
        listen = "127.0.0.1:8001"
        pool = "app"
        protocol = "http"
        [pool.app]
        balance = "source-hash"
        slow_start = "30s"
        hedge = true
        send_proxy = "v2"
        source = ["10.0.0.5", "10.0.0.6"]
        on_down = "reset"
        all_down = "try-all"
        health = { type = "http", path = "/up", host = "x", status = "200-299,301", port = 81 }
        eject = { failures = 4 }
        scale = { target = 7, command = ["/bin/scale", "-z", ""], after = "3s", cool_down = "4s", min = 2, max = 3, timeout = "5s" }
        backends = ["10.0.0.1:80", { name = "b", address = "db.internal:80", weight = 2, backup = true, max_connections = 7 }]
        [pool.mail]
        source = "client"
        send_proxy = "v1"
        health = { type = "send-expect", send = "EHLO\r\n", expect = "250" }
        tls = { verify = false, server_name = "mail.example", alpn = ["smtp"], cert = "c.pem", key = "c.key" }
        backends = ["https://10.0.0.3:25", "https://mail.example:25"]
        [pool.listed]
        backends_file = "/etc/l4lb/app.backends"
        tls = { ca = "ca.pem", cert = "c.pem" }
        [pool.bare]
        health = { type = "off" }
        backends = ["10.0.0.4:25", "a-host-with-a-name-that-is-longer-than-a-backend-may-be-called.example:25"]
    "#;

    #[test]
    fn what_is_shown_is_read_as_the_same_configuration() {
        let read = |name: &str, text: &str| match file::parse(name, text.as_bytes()) {
            Ok(document) => document.config(1),
            Err(faults) => panic!("{}\n{text}", faults.render(false)),
        };
        let config = read("l4lb.toml", FILE);
        let shown = to_json(&config);
        let again = read("l4lb.json", &shown.to_string());
        assert_eq!(to_json(&again), shown);
        assert_eq!(format!("{again:?}"), format!("{config:?}"));
    }
}
