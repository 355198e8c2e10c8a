//! Which l4lb this is.

/// `0.1.0 (REVISION DATE) TARGET`, as it was built.
#[must_use]
pub fn text() -> String {
    let [version, revision, date, target] = [
        env!("CARGO_PKG_VERSION"),
        env!("L4LB_REVISION"),
        env!("L4LB_DATE"),
        env!("L4LB_TARGET"),
    ];
    format!("{version} ({revision} {date}) {target}")
}
