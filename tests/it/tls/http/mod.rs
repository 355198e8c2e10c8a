//! HTTP inside of TLS, with clients and with backends.
//!
//! `clients` is about requests that come in TLS, `pages` about l4lb's own answers to them, `kept` about connections
//! to backends that speak it, `subject` about who a client is, `upgrades` about what is no HTTP any more, `odd` about what few peers do, `tools` are programs of others.

mod clients;
mod kept;
mod odd;
mod pages;
mod subject;
mod tools;
mod upgrades;

use std::net::SocketAddr;

use super::Files;
use crate::harness::L4lb;

impl Files {
    /// An l4lb whose one listener speaks HTTP in TLS, with these lines in `[listener.http]` and keys for TLS.
    fn web(&self, tls: &str, http: &str, backends: &str) -> L4lb {
        let rest = format!(
            "protocol = \"http\"\n[listener.http]\n{http}\n[pool.app]\nhealth = {{ type = \"off\" }}\n{backends}\n"
        );
        self.start(&super::listener(tls, &rest))
    }

    /// One that speaks HTTP without TLS, in front of backends that speak TLS.
    fn plain(&self, http: &str, pool: &str, backends: &[SocketAddr]) -> L4lb {
        let backends = backends
            .iter()
            .map(|it| format!("\"https://localhost:{}\"", it.port()));
        let backends = backends.collect::<Vec<_>>().join(", ");
        let text = format!(
            "[access_log]\noutput = \"-\"\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
             protocol = \"http\"\n[listener.http]\n{http}\n[pool.app]\nhealth = {{ type = \"off\" }}\n\
             tls = {{ ca = \"DIR/ca.pem\" }}\nbackends = [{backends}]\n{pool}\n"
        );
        self.start(&text)
    }
}

/// The line of the configuration for these backends without TLS.
fn backends(addresses: &[SocketAddr]) -> String {
    let quoted: Vec<String> = addresses.iter().map(|it| format!("\"{it}\"")).collect();
    format!("backends = [{}]", quoted.join(", "))
}
