//! Which l4lb this is.

/// As Cargo.toml has it.
pub const NUMBER: &str = env!("CARGO_PKG_VERSION");

/// What it was built from.
pub const REVISION: &str = env!("L4LB_REVISION");

/// `0.1.0 (REVISION DATE) TARGET`, as it was built.
#[must_use]
pub fn text() -> String {
    let [date, target] = [env!("L4LB_DATE"), env!("L4LB_TARGET")];
    format!("{NUMBER} ({REVISION} {date}) {target}")
}
