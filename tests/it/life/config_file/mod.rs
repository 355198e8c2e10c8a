//! The configuration file: what is taken, what is refused and where, what is said of it.
//!
//! `bad` and `mutations` are about errors, `good` about what a file means, `reference` holds the page and
//! the schema against the code, `program` is the real program.

mod bad;
mod good;
mod http;
mod mutations;
mod program;
mod reference;
mod routes;
mod scale;

use l4lb::config::Config;
use l4lb::config::file;

/// The example that is shipped.
const EXAMPLE: &str = include_str!("../../../../deploy/l4lb.toml");

/// A file with one listener and one pool of one backend, to which a test adds what it is about. The
/// pool's table comes last.
const SMALL: &str = "[[listener]]\nname = \"web\"\nlisten = \":9000\"\npool = \"app\"\n\
                     [pool.app]\nbackends = [\"10.0.0.1:80\"]\n";

/// What a file makes l4lb do on a machine with two cores.
#[track_caller]
fn config_of(name: &str, text: &str) -> Config {
    match file::parse(name, text.as_bytes()) {
        Ok(document) => document.config(2),
        Err(faults) => panic!("{}\n{text}", faults.render(false)),
    }
}
