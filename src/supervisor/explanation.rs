//! Says which backend a client would get, and of every other one why not: the one place for the words
//! of that. What would be done is found out by those who would do it, the workers.

use std::sync::Arc;

use super::Process;
use crate::balance::{Candidate, Grounds, Pick, Preview, Verdict};
use crate::config::{self, Config, ListenerConfig, PoolConfig};
use crate::messages::{Outlook, ToWorker};
use crate::pool::{State, WARM};
use crate::requests::{self, Caller, Explanation, Refusal, WorkerView};

impl Process {
    /// What the next client would get if it were this one. Nothing changes by it.
    pub(super) fn explain(&self, caller: Caller) -> Result<Explanation, Refusal> {
        let config = &self.wanted.config;
        let listener = listener_of(config, caller.listener.as_deref())?;
        let client = caller.client;
        let Some(pool) = pool_of(listener, &caller) else {
            return Ok(denied(listener, &caller));
        };
        let pool = &config.pools[pool];
        let outlooks = if self.stops == 0 {
            let (name, caller) = (&listener.name, Arc::new(caller));
            self.ask_workers(|reply| ToWorker::Explain(name.clone(), caller.clone(), reply))
        } else {
            Vec::new() // they end one after the other
        };
        let outlooks: Vec<Outlook> = outlooks.into_iter().flatten().collect();
        let before = outlooks.iter().map(|it| it.waiting).sum();
        let workers = fold(outlooks, pool, before);
        let line = Line { pool, before };
        let held_back_because = self.held_back(listener);
        let answer = answer(&workers, &line, held_back_because.as_deref());
        Ok(Explanation {
            answer: format!("{client} {answer}"),
            client: client.to_string(),
            listener: listener.name.to_string(),
            pool: pool.name.to_string(),
            balance: pool.balance.to_string(),
            held_back_because,
            workers,
        })
    }

    /// What keeps new clients of a listener from all workers.
    fn held_back(&self, listener: &ListenerConfig) -> Option<String> {
        if self.stops > 0 {
            return Some("is refused: l4lb is draining".to_owned());
        }
        let (sessions, most) = (self.registry.sessions(), self.budget.session_limit());
        if sessions >= most {
            let text = format!("waits to be accepted: there are {sessions} of {most} sessions");
            return Some(text);
        }
        let mut listening = self.registry.listening();
        let planned = listening.find(|(it, _)| it.config.name == listener.name);
        let active = planned.map_or(0, |(it, _)| it.active.count());
        let most = listener.max_connections.filter(|most| active >= *most)?;
        let (name, key) = (&listener.name, "max_connections");
        Some(format!(
            "waits to be accepted: listener {name} has {active} of {most} sessions ({key})"
        ))
    }
}

/// The listener with this name; without a name, the only one.
fn listener_of<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a ListenerConfig, Refusal> {
    let names: Vec<&str> = config.listeners.iter().map(|it| &*it.name).collect();
    match (name, &*config.listeners) {
        (None, [only]) => Ok(only),
        (None, _) => {
            let text = format!(
                "there are several listeners, say which: {}",
                names.join(", ")
            );
            Err(Refusal::Invalid(text))
        }
        (Some(name), listeners) => {
            let found = listeners.iter().find(|it| &*it.name == name);
            let hint = config::hint(name, &names);
            found.ok_or_else(|| Refusal::Unknown(format!("there is no listener {name:?}{hint}")))
        }
    }
}

/// The place of the pool that the client goes to by what it says in TLS.
fn pool_of(listener: &ListenerConfig, caller: &Caller) -> Option<usize> {
    let offers = |protocol: &[u8]| caller.offers(protocol);
    let Some(routes) = &listener.routes else {
        return Some(listener.pool);
    };
    routes.pool(caller.sni.as_deref(), offers)
}

/// No route of the listener takes the client, and it has no pool besides.
fn denied(listener: &ListenerConfig, caller: &Caller) -> Explanation {
    let name = caller.sni.as_deref();
    let name = name.map_or_else(
        || "for clients that name no server".to_owned(),
        |it| format!("for {it}"),
    );
    let (client, listener) = (caller.client, &listener.name);
    let why = format!("is denied: listener {listener} has no pool {name}");
    Explanation {
        answer: format!("{client} {why}"),
        client: client.to_string(),
        listener: listener.to_string(),
        pool: String::new(),
        balance: String::new(),
        held_back_because: Some(why),
        workers: Vec::new(),
    }
}

/// Those who wait for a backend of the pool.
struct Line<'a> {
    pool: &'a PoolConfig,
    /// How many there are.
    before: usize,
}

/// What each worker would do; those that would do the same, and for the same reasons, are one.
fn fold(outlooks: Vec<Outlook>, pool: &PoolConfig, before: usize) -> Vec<WorkerView> {
    let mut views: Vec<WorkerView> = Vec::new();
    let mut outlooks = outlooks;
    outlooks.sort_unstable_by_key(|it| it.worker);
    for outlook in outlooks {
        let view = view(&outlook, pool, before);
        let same = |it: &&mut WorkerView| {
            it.outcome == view.outcome && it.backend == view.backend && it.backends == view.backends
        };
        match views.iter_mut().find(same) {
            Some(known) => known.workers.extend(view.workers),
            None => views.push(view),
        }
    }
    views
}

fn view(outlook: &Outlook, pool: &PoolConfig, before: usize) -> WorkerView {
    let preview = &outlook.preview;
    let (outcome, backend) = match preview.pick {
        // Whoever is new comes after those who wait.
        Pick::Chosen(_) if before > 0 => ("line", None),
        Pick::Chosen(place) => {
            let name = &preview.candidates[place].member.backend.name;
            ("backend", Some(name.to_string()))
        }
        Pick::NoneLive => ("reset", None),
        Pick::AllFull | Pick::AllTried => ("line", None),
    };
    let candidates = preview.candidates.iter().map(|it| requests::Candidate {
        backend: it.member.backend.name.to_string(),
        address: it.member.backend.address.to_string(),
        verdict: word(it.verdict).to_owned(),
        why: why(it, preview, pool),
    });
    WorkerView {
        workers: vec![outlook.worker + 1],
        outcome: outcome.to_owned(),
        backend,
        backends: candidates.collect(),
    }
}

/// What becomes of the client, as it would follow on its address.
fn answer(workers: &[WorkerView], line: &Line<'_>, held_back: Option<&str>) -> String {
    let mut fates: Vec<(String, Vec<usize>)> = Vec::new();
    for view in workers {
        let fate = fate(view, line);
        match fates.iter_mut().find(|(known, _)| *known == fate) {
            Some((_, numbers)) => numbers.extend(&view.workers),
            None => fates.push((fate, view.workers.clone())),
        }
    }
    let each = fates.iter().map(|(fate, numbers)| {
        let plural = if numbers.len() == 1 { "" } else { "s" };
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        format!("at worker{plural} {} {fate}", numbers.join(", "))
    });
    let fate = match &*fates {
        [] => None,
        [(fate, _)] => Some(fate.clone()),
        _ => Some(each.collect::<Vec<_>>().join("; ")),
    };
    match (held_back, fate) {
        (None, Some(fate)) => fate,
        (Some(held_back), None) => held_back.to_owned(),
        (Some(held_back), Some(fate)) => format!("{held_back}; let in now, it {fate}"),
        (None, None) => "gets no answer: no worker says what it would do".to_owned(),
    }
}

fn fate(view: &WorkerView, line: &Line<'_>) -> String {
    let pool = &line.pool.name;
    match (&view.backend, &*view.outcome) {
        (Some(backend), _) => format!("gets {pool}/{backend} ({})", line.pool.balance),
        (None, "reset") => {
            let is_up = |it: &requests::Candidate| it.verdict == word(Verdict::Weightless);
            let rest = if view.backends.iter().any(is_up) {
                "may get sessions"
            } else {
                "is up"
            };
            format!("is reset: no backend of pool {pool} {rest}")
        }
        (None, _) => {
            let time = humantime::format_duration(line.pool.queue_timeout);
            let place = match line.before {
                0 => "first in line".to_owned(),
                before => format!("in line behind {before}"),
            };
            format!("waits up to {time} {place}: pool {pool} is at its limits")
        }
    }
}

/// A verdict in a word, as the API names it.
const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Chosen => "chosen",
        Verdict::NextTurn => "next",
        Verdict::LaterTurn => "later",
        Verdict::MoreLoaded => "busier",
        Verdict::Tied => "tied",
        Verdict::NotDrawn => "not-drawn",
        Verdict::Heavier => "heavier",
        Verdict::Slower => "slower",
        Verdict::Elsewhere => "elsewhere",
        Verdict::Warming => "warming",
        Verdict::Behind => "behind",
        Verdict::Full => "full",
        Verdict::Down => "down",
        Verdict::Ejected => "ejected",
        Verdict::Drain => "drain",
        Verdict::Maint => "maint",
        Verdict::Weightless => "weight-0",
        Verdict::Spare => "backup",
    }
}

/// A verdict in a sentence.
fn why(candidate: &Candidate, preview: &Preview, pool: &PoolConfig) -> String {
    let (active, member) = (candidate.active, &candidate.member);
    let sessions = sessions(active, member.weight);
    let text = match candidate.verdict {
        Verdict::Chosen => chosen(candidate, preview),
        Verdict::NextTurn => "the turn after this one is its".to_owned(),
        Verdict::LaterTurn => "its turn comes later".to_owned(),
        Verdict::MoreLoaded => format!("it has {sessions}: more for its share"),
        Verdict::Tied => format!("it has {sessions}: as many for its share, and not the turn"),
        Verdict::NotDrawn => match preview.grounds {
            Some(Grounds::Chance) => {
                format!("not drawn: its chance is {:.1} %", candidate.part * 100.0)
            }
            _ => "it is not one of the two that chance names".to_owned(),
        },
        Verdict::Heavier => {
            format!("chance names it, and another with fewer for its share: it has {sessions}")
        }
        Verdict::Slower => {
            format!("chance names it, and another that costs less time: it has {sessions}")
        }
        Verdict::Elsewhere => "the client's address leads to another".to_owned(),
        Verdict::Warming => {
            "the client's address leads to it, but not this client as yet".to_owned()
        }
        Verdict::Behind => "another that comes before it has room".to_owned(),
        Verdict::Full => format!("it is at its limit: {active} of {}", member.limit),
        Verdict::Down => "checks say that it is down".to_owned(),
        Verdict::Ejected => "it is out for a while: connects have failed".to_owned(),
        Verdict::Drain => "an operator drains it".to_owned(),
        Verdict::Maint => "an operator has taken it out".to_owned(),
        Verdict::Weightless => "its weight is 0".to_owned(),
        Verdict::Spare => "it is a backup, and others may get sessions".to_owned(),
    };
    text + &slow_start(candidate, pool)
}

/// Why the chosen one is chosen.
fn chosen(candidate: &Candidate, preview: &Preview) -> String {
    let name = |place: usize| &*preview.candidates[place].member.backend.name;
    let is_offered = |it: &&Candidate| it.part > 0.0;
    let is_alone = preview.candidates.iter().filter(is_offered).count() == 1;
    let sessions = sessions(candidate.active, candidate.member.weight);
    let text = match preview.grounds {
        Some(Grounds::Address(Some(own))) if preview.candidates[own].verdict != Verdict::Chosen => {
            let word = word(preview.candidates[own].verdict);
            let own = name(own);
            format!("the client's address leads to {own} ({word}), then to it")
        }
        Some(Grounds::Address(_)) => "the client's address leads to it".to_owned(),
        _ if is_alone => "no other one has room".to_owned(),
        Some(Grounds::Turn(_)) => "it is its turn".to_owned(),
        Some(Grounds::Load) => format!("it has {sessions}: the fewest for its share"),
        Some(Grounds::Chance) => format!("drawn: its chance is {:.1} %", candidate.part * 100.0),
        Some(Grounds::Lighter([one, other])) => {
            let (one, other) = (name(one), name(other));
            format!(
                "of {one} and {other}, which chance names, it has fewer for its share: {sessions}"
            )
        }
        Some(Grounds::Quicker([one, other])) => {
            let (one, other) = (name(one), name(other));
            format!("of {one} and {other}, which chance names, it costs less time: {sessions}")
        }
        Some(Grounds::Order) | None => "it is the first that has room".to_owned(),
    };
    match candidate.member.state {
        State::Up => text,
        State::Down | State::Ejected | State::Drain | State::Maint => {
            format!("{text}; none is up, so all are tried (all_down)")
        }
    }
}

/// How far its slow start has come, where that is under way and matters.
fn slow_start(candidate: &Candidate, pool: &PoolConfig) -> String {
    let warmth = candidate.member.warmth;
    if warmth == WARM || pool.slow_start.is_zero() || candidate.part == 0.0 {
        return String::new();
    }
    let percent = u32::from(warmth) * 100 / u32::from(WARM);
    format!("; slow start: {percent} % of its weight now")
}

/// `3 sessions, weight 2`.
fn sessions(count: u32, weight: u16) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} session{plural}, weight {weight}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::balance::{Balancer, Snapshot};
    use crate::config::file;
    use crate::pool::{Backend, BackendId, LiveSet, Member};

    fn pool() -> PoolConfig {
        const FILE: &[u8] =
            b"[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:1\"\npool = \"app\"\n\
            [pool.app]\nslow_start = \"9s\"\nbackends = [\"10.0.0.1:80\"]\n";
        match file::parse("l4lb.toml", FILE) {
            Ok(document) => document.config(1).pools.remove(0),
            Err(faults) => panic!("{}", faults.render(false)),
        }
    }

    fn outlook(pool: &PoolConfig, change: impl Fn(&mut Member)) -> Outlook {
        let (name, address) = ("b".into(), ([10, 0, 0, 1], 80).into());
        let pool_name = Arc::clone(&pool.name);
        let mut member = Member {
            backend: Arc::new(Backend::new(BackendId(1), pool_name, name, address, 1)),
            state: State::Up,
            weight: 1,
            warmth: WARM,
            backup: false,
            limit: 1,
        };
        change(&mut member);
        let set = Arc::new(LiveSet::new(vec![member], pool.all_down));
        let balancer = Balancer::new(pool.balance, Snapshot { set, table: None }, 1);
        Outlook {
            worker: 0,
            waiting: 0,
            preview: balancer.preview([10, 0, 0, 9].into(), 0),
        }
    }

    #[test]
    fn whoever_is_new_comes_after_those_who_wait_though_there_is_room() {
        let pool = pool();
        for (before, outcome, backend) in [(0, "backend", Some("b")), (1, "line", None)] {
            let view = view(&outlook(&pool, |_| {}), &pool, before);
            assert_eq!(
                (&*view.outcome, view.backend.as_deref()),
                (outcome, backend)
            );
        }
    }

    #[test]
    fn a_slow_start_is_told_with_how_far_it_is_where_it_matters() {
        let pool = pool();
        let why = |change: fn(&mut Member)| {
            let view = view(&outlook(&pool, change), &pool, 0);
            view.backends[0].why.clone()
        };
        assert_eq!(why(|_| {}), "no other one has room");
        let text = "no other one has room; slow start: 25 % of its weight now";
        assert_eq!(why(|it| it.warmth = WARM / 4), text);
        let down = |it: &mut Member| (it.warmth, it.state) = (1, State::Down);
        assert_eq!(why(down), "checks say that it is down");
    }
}
