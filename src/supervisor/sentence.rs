//! How things are, in one sentence: the one thing that matters most. Pure.
//!
//! Worst first: nobody serves, all are full, the limit of sessions; then what is out of order while clients are
//! served all the same. Times are UTC, as `12:20:02Z`: whoever shows them knows the reader's clock. What is
//! longer ago than a day has its date.

use super::moment::Moment;
use crate::pool::State;
use crate::requests::overview::{Level, Sentence};

/// What it is made from.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Whether sessions are left to finish, and then it ends.
    pub(super) draining: bool,
    pub(super) sessions: u32,
    pub(super) sessions_limit: u32,
    pub(super) connections_per_second: f64,
    pub(super) pools: Vec<PoolFacts>,
    /// Lines of the access log that were dropped in the last minute.
    pub(super) lines_dropped: u64,
    /// When the last reload has failed, if it has, and why.
    pub(super) reload_failed: Option<(Moment, String)>,
}

#[derive(Debug, Default)]
pub(super) struct PoolFacts {
    pub(super) name: String,
    pub(super) queue: u32,
    pub(super) backends: Vec<BackendFacts>,
}

#[derive(Debug)]
pub(super) struct BackendFacts {
    pub(super) name: String,
    pub(super) state: State,
    pub(super) since: Moment,
    pub(super) why: String,
    pub(super) weight: u16,
    /// Whether new sessions may go there, but for its limit.
    pub(super) is_eligible: bool,
    pub(super) is_backup: bool,
    pub(super) is_full: bool,
}

impl BackendFacts {
    fn serves(&self) -> bool {
        self.is_eligible && self.state == State::Up
    }

    const fn is_out(&self) -> bool {
        matches!(self.state, State::Down | State::Ejected)
    }
}

/// The sentence.
pub(super) fn sentence(facts: &Facts) -> Sentence {
    let mut problems = problems(facts);
    // The order of the list holds among those that are equally bad.
    problems.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    let others = problems.len().saturating_sub(1);
    match problems.into_iter().next() {
        None => Sentence {
            level: Level::Good,
            text: all_is_well(facts),
        },
        Some((level, text)) if others == 0 => Sentence {
            level,
            text: format!("{text}."),
        },
        Some((level, text)) => Sentence {
            level,
            text: format!("{text}; and {others} more."),
        },
    }
}

fn problems(facts: &Facts) -> Vec<(Level, String)> {
    let mut found = Vec::new();
    let pools = facts.pools.iter();
    found.extend(pools.clone().filter_map(nobody_serves));
    found.extend(pools.clone().filter_map(all_are_full));
    found.extend(crowd(facts));
    let is_alone = facts.pools.len() == 1;
    found.extend(pools.flat_map(|pool| outages(pool, is_alone)));
    if facts.lines_dropped > 0 {
        let dropped = counted(facts.lines_dropped, "line");
        let text = format!("The access log has dropped {dropped} in the last minute");
        found.push((Level::Warning, text));
    }
    if let Some((at, why)) = &facts.reload_failed {
        // What follows shows the place in the file.
        let why = why.lines().find(|it| !it.is_empty()).unwrap_or_default();
        let why = why.trim_end_matches(['.', ':']);
        let text =
            format!("The reload at {at} has failed, the configuration before it holds: {why}");
        found.push((Level::Warning, text));
    }
    if facts.draining {
        let left = counted(facts.sessions.into(), "session");
        found.push((Level::Warning, format!("Draining: {left} left")));
    }
    found
}

fn nobody_serves(pool: &PoolFacts) -> Option<(Level, String)> {
    let name = &pool.name;
    if pool.backends.is_empty() {
        return Some((Level::Bad, format!("Pool {name} has no backend")));
    }
    if pool.backends.iter().any(BackendFacts::serves) {
        return None;
    }
    if pool.backends.iter().any(|it| it.state == State::Up) {
        let text = format!("Every backend of pool {name} that is up has weight 0");
        return Some((Level::Bad, text));
    }
    // The last one that went is the one that counts.
    let last = pool.backends.iter().map(|it| &it.since).max()?;
    let text = format!("No backend of pool {name} is up since {last}");
    Some((Level::Bad, text))
}

fn all_are_full(pool: &PoolFacts) -> Option<(Level, String)> {
    let mut open = pool.backends.iter().filter(|it| it.is_eligible);
    let count = open.clone().count();
    if pool.queue == 0 || count == 0 || !open.all(|it| it.is_full) {
        return None;
    }
    let waiting = counted(pool.queue.into(), "client");
    let (verb, name) = (if pool.queue == 1 { "waits" } else { "wait" }, &pool.name);
    let which = if count == pool.backends.len() {
        ""
    } else {
        " that may get sessions"
    };
    let text = match count {
        1 => format!("The only backend of pool {name}{which} is at its limit; {waiting} {verb}"),
        _ => format!(
            "All {count} backends of pool {name}{which} are at their limits; {waiting} {verb}"
        ),
    };
    Some((Level::Bad, text))
}

fn crowd(facts: &Facts) -> Option<(Level, String)> {
    let (sessions, limit) = (facts.sessions, facts.sessions_limit);
    let part = u64::from(sessions) * 10 / u64::from(limit.max(1));
    if sessions >= limit {
        let text = format!("{sessions} sessions, the most there can be: further clients wait");
        return Some((Level::Bad, text));
    }
    let text = format!("{sessions} sessions: the limit of {limit} is near");
    (part >= 8).then_some((Level::Warning, text))
}

/// What is said of each backend that is down or ejected, in a pool that serves all the same.
fn outages(pool: &PoolFacts, is_alone: bool) -> Vec<(Level, String)> {
    if pool.backends.iter().all(|it| it.state != State::Up) {
        return Vec::new();
    }
    let out = pool.backends.iter().filter(|it| it.is_out());
    let tell = |it: &BackendFacts| {
        let prefix = if is_alone {
            String::new()
        } else {
            format!("{}/", pool.name)
        };
        let moved = moved(pool, it);
        let text = format!("{prefix}{} {}{moved}", it.name, what_ails(it));
        (Level::Warning, text)
    };
    out.map(tell).collect()
}

fn what_ails(backend: &BackendFacts) -> String {
    let BackendFacts { since, why, .. } = backend;
    let is_down = backend.state == State::Down;
    if is_down && why.starts_with("connection refused") {
        format!("refuses connections since {since}")
    } else if is_down && why.starts_with("no answer") {
        format!("does not answer since {since}")
    } else {
        format!("is {} since {since} ({why})", backend.state)
    }
}

/// Where the traffic of a backend went.
fn moved(pool: &PoolFacts, gone: &BackendFacts) -> String {
    let takers: Vec<&BackendFacts> = pool.backends.iter().filter(|it| it.serves()).collect();
    // Where backups serve, the primaries that are out had all of it.
    let instead = takers.iter().any(|it| it.is_backup) && !gone.is_backup;
    if gone.weight == 0 || gone.is_backup {
        return String::new();
    }
    let names = match takers.as_slice() {
        [] => return String::new(),
        [one] => one.name.clone(),
        [one, other] => format!("{} and {}", one.name, other.name),
        [one, other, third] => format!("{}, {} and {}", one.name, other.name, third.name),
        more => format!("{} others", more.len()),
    };
    if instead {
        return format!("; its traffic moved to {names}");
    }
    // Of what all would have that are to serve: whoever of those that are out went first, had no less.
    let out = pool
        .backends
        .iter()
        .filter(|it| it.is_out() && !it.is_backup);
    let all: u32 = takers
        .iter()
        .copied()
        .chain(out)
        .map(|it| u32::from(it.weight))
        .sum();
    let percent = (u32::from(gone.weight) * 100 + all / 2) / all;
    format!("; its {percent} % of the traffic moved to {names}")
}

fn all_is_well(facts: &Facts) -> String {
    let pools = facts.pools.len();
    let backends = facts.pools.iter().flat_map(|it| &it.backends);
    let (up, all) = backends.fold((0, 0), |(up, all), it| {
        (up + u64::from(it.state == State::Up), all + 1)
    });
    let rate = facts.connections_per_second;
    let rate = if rate < 10.0 && rate > 0.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    };
    let pools = counted(pools as u64, "pool");
    let who = match (up, all) {
        (1, 1) => format!("The only backend of {pools} is up"),
        _ if up == all => format!("All {all} backends of {pools} are up"),
        _ => format!(
            "{up} of {all} backends of {pools} are up, {} taken out by an operator",
            all - up
        ),
    };
    format!("{who}; {rate} connections a second.")
}

fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    use Level::{Bad, Good, Warning};

    /// Backends, clients who wait, and what is said.
    const ONE_POOL: &[(&str, u32, Level, &str)] = &[
        (
            "a=u b=u c=u",
            0,
            Good,
            "All 3 backends of 1 pool are up; 120 connections a second.",
        ),
        (
            "a=u",
            0,
            Good,
            "The only backend of 1 pool is up; 120 connections a second.",
        ),
        (
            "a=u b=m c=r",
            0,
            Good,
            "1 of 3 backends of 1 pool are up, 2 taken out by an operator; 120 connections a second.",
        ),
        (
            "b1=u b2=d b3=u",
            0,
            Warning,
            "b2 refuses connections since 12:20:02Z; its 33 % of the traffic moved to b1 and b3.",
        ),
        (
            "b1=u b2=e2",
            0,
            Warning,
            "b2 is ejected since 12:20:02Z (5 connects failed in a row: out for 30s); its 67 % of the \
                 traffic moved to b1.",
        ),
        (
            "a=d spare=ub",
            0,
            Warning,
            "a refuses connections since 12:20:02Z; its traffic moved to spare.",
        ),
        (
            "a=u b=d0",
            0,
            Warning,
            "b refuses connections since 12:20:02Z.",
        ),
        (
            "a=u b=db",
            0,
            Warning,
            "b refuses connections since 12:20:02Z.",
        ),
        (
            "a=u b=u c=u d=u e=d",
            0,
            Warning,
            "e refuses connections since 12:20:02Z; its 20 % of the traffic moved to 4 others.",
        ),
        (
            "a=u b=d c=d",
            0,
            Warning,
            "b refuses connections since 12:20:02Z; its 33 % of the traffic moved to a; and 1 more.",
        ),
        (
            "a=u0 b=u0",
            0,
            Bad,
            "Every backend of pool app that is up has weight 0.",
        ),
        (
            "a=u0 b=dt",
            0,
            Bad,
            "Every backend of pool app that is up has weight 0; and 1 more.",
        ),
        (
            "a=d b=m",
            0,
            Bad,
            "No backend of pool app is up since 12:20:02Z.",
        ),
        ("", 0, Bad, "Pool app has no backend."),
        (
            "a=uf b=uf",
            0,
            Good,
            "All 2 backends of 1 pool are up; 120 connections a second.",
        ),
        (
            "a=uf b=uf",
            5,
            Bad,
            "All 2 backends of pool app are at their limits; 5 clients wait.",
        ),
        (
            "a=uf b=u",
            5,
            Good,
            "All 2 backends of 1 pool are up; 120 connections a second.",
        ),
        (
            "a=uf b=d",
            1,
            Bad,
            "The only backend of pool app that may get sessions is at its limit; 1 client waits; \
                 and 1 more.",
        ),
        (
            "a=uf",
            2,
            Bad,
            "The only backend of pool app is at its limit; 2 clients wait.",
        ),
        (
            "a=uf b=uf c=ub",
            2,
            Bad,
            "All 2 backends of pool app that may get sessions are at their limits; 2 clients wait.",
        ),
    ];

    /// So many seconds after 12:20:02 on a day that is not over.
    fn lunch(seconds: u64) -> Moment {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_004_402);
        Moment::told(
            noon + Duration::from_secs(seconds),
            noon + Duration::from_secs(43_200),
        )
    }

    /// A pool by its backends: a name, a state's first letter, and `b` for a backup, `f` for full, `2` for
    /// twice the weight, `0` for none, `t` for one that is tried though it is down.
    fn pool(name: &str, queue: u32, words: &str) -> PoolFacts {
        let state = |word: &str| match &word[..1] {
            "u" => State::Up,
            "d" => State::Down,
            "r" => State::Drain,
            "m" => State::Maint,
            _ => State::Ejected,
        };
        let pairs = words
            .split_whitespace()
            .map(|it| it.split_once('=').unwrap());
        let serves = |word: &str, backup| {
            state(word) == State::Up && !word.contains('0') && word.contains('b') == backup
        };
        let primary = pairs.clone().any(|(_, word)| serves(word, false));
        let backend = |(name, word): (&str, &str)| BackendFacts {
            name: name.to_owned(),
            state: state(word),
            since: lunch(0),
            why: match &word[..1] {
                "d" => "connection refused (3 of 3)",
                "e" => "5 connects failed in a row: out for 30s",
                _ => "",
            }
            .to_owned(),
            weight: match word {
                _ if word.contains('0') => 0,
                _ if word.contains('2') => 2,
                _ => 1,
            },
            is_eligible: serves(word, !primary) || word.contains('t'),
            is_backup: word.contains('b'),
            is_full: word.contains('f'),
        };
        PoolFacts {
            name: name.to_owned(),
            queue,
            backends: pairs.map(backend).collect(),
        }
    }

    fn facts(pools: Vec<PoolFacts>) -> Facts {
        Facts {
            sessions_limit: 1000,
            connections_per_second: 120.0,
            pools,
            ..Facts::default()
        }
    }

    #[track_caller]
    fn expect(facts: &Facts, level: Level, text: &str) {
        let text = text.to_owned();
        assert_eq!(sentence(facts), Sentence { level, text });
    }

    const REPORT: &str = "no such file:\n  pool = 7\n         ^\n";

    #[test]
    fn one_pool_is_told_by_what_is_out_of_order() {
        for (words, queue, level, text) in ONE_POOL {
            expect(&facts(vec![pool("app", *queue, words)]), *level, text);
        }
    }

    #[test]
    fn the_worst_comes_first_and_the_others_are_counted() {
        let mut all = facts(vec![pool("app", 0, "a=u b=d"), pool("db", 0, "x=u")]);
        let outage =
            "app/b refuses connections since 12:20:02Z; its 50 % of the traffic moved to a";
        expect(&all, Warning, &format!("{outage}."));
        all.draining = true;
        all.lines_dropped = 1;
        all.reload_failed = Some((lunch(58), REPORT.to_owned()));
        expect(&all, Warning, &format!("{outage}; and 3 more."));
        all.sessions = 800;
        let near = "800 sessions: the limit of 1000 is near; and 4 more.";
        expect(&all, Warning, near);
        all.sessions = 1000;
        let full = "1000 sessions, the most there can be: further clients wait; and 4 more.";
        expect(&all, Bad, full);
        all.pools.push(pool("api", 0, "y=d"));
        let nobody = "No backend of pool api is up since 12:20:02Z; and 5 more.";
        expect(&all, Bad, nobody);
    }

    #[test]
    fn what_harms_no_client_is_told_when_nothing_else_is() {
        let mut all = facts(vec![pool("app", 0, "a=u")]);
        all.draining = true;
        all.sessions = 12;
        expect(&all, Warning, "Draining: 12 sessions left.");
        all.draining = false;
        all.lines_dropped = 7;
        let dropped = "The access log has dropped 7 lines in the last minute.";
        expect(&all, Warning, dropped);
        all.lines_dropped = 0;
        all.reload_failed = Some((lunch(58), REPORT.to_owned()));
        let failed =
            "The reload at 12:21:00Z has failed, the configuration before it holds: no such file.";
        expect(&all, Warning, failed);
        all.reload_failed = None;
        all.connections_per_second = 0.25;
        expect(
            &all,
            Good,
            "The only backend of 1 pool is up; 0.2 connections a second.",
        );
    }
}
