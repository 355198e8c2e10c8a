//! The supervisor, played: it writes down what it is asked, and answers in one of a few ways.

use std::sync::{Arc, Mutex};

use l4lb::admin::Ask;
use l4lb::metrics::Scrape;
use l4lb::requests::history::{Columns, History, Range};
use l4lb::requests::overview::Overview;
use l4lb::requests::{
    Backend, Candidate, Connection, Explanation, Foresight, Happening, LastCheck, Listener, Past,
    Pool, Refusal, Reloaded, Request, Status, Subscriber, WorkerView,
};
use serde_json::json;

/// How it answers.
#[derive(Clone, Debug, Default)]
pub(super) enum Manner {
    /// As things are.
    #[default]
    Well,
    /// With this, where it can refuse.
    Refusing(Refusal),
    /// Something happens between the question for the past and its answer.
    Eventful,
    /// That it is not ready.
    Unready,
    /// With so many connections.
    Crowded(usize),
    /// Never.
    Silent,
    /// By dropping the question.
    Ending,
    /// Its queue is full.
    Full,
    /// The way to it panics.
    Broken,
}

/// The supervisor.
#[derive(Clone, Default)]
pub(super) struct Supervisor(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    manner: Manner,
    asked: Vec<String>,
    unanswered: Vec<Request>,
    subscribers: Vec<Subscriber>,
    /// What it has told, from the first on.
    told: Vec<Happening>,
    overviews: u32,
}

impl Supervisor {
    pub(super) fn with(manner: Manner) -> Self {
        let supervisor = Self::default();
        supervisor.change_to(manner);
        supervisor
    }

    pub(super) fn change_to(&self, manner: Manner) {
        self.0.lock().unwrap().manner = manner;
    }

    pub(super) fn ask(&self) -> Ask {
        let inside = Arc::clone(&self.0);
        Arc::new(move |request| {
            let manner = inside.lock().unwrap().manner.clone();
            assert!(!matches!(manner, Manner::Broken), "as it should");
            inside.lock().unwrap().take(request)
        })
    }

    /// What was asked since this was last called, as Debug shows it.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    /// Tells those who asked to be told, and returns how many want to go on.
    pub(super) fn tell(&self, kind: &str, text: &str) -> usize {
        self.0.lock().unwrap().tell(kind, text)
    }
}

impl Inside {
    fn tell(&mut self, kind: &str, text: &str) -> usize {
        let happening = Happening {
            id: self.told.len() as u64 + 1,
            at: "2026-11-20T12:20:02.481Z".to_owned(),
            kind: kind.to_owned(),
            text: text.to_owned(),
        };
        self.subscribers
            .retain(|subscriber| (subscriber.0)(&happening));
        self.told.push(happening);
        self.subscribers.len()
    }

    fn take(&mut self, request: Request) -> Result<(), Request> {
        match self.manner {
            Manner::Full => return Err(request),
            Manner::Silent => {
                self.asked.push(format!("{request:?}"));
                self.unanswered.push(request);
                return Ok(());
            }
            Manner::Ending => return Ok(()),
            _ => self.asked.push(format!("{request:?}")),
        }
        match request {
            Request::Status(reply) => reply.send(self.status()),
            Request::Pools(reply) => reply.send(vec![pool()]),
            Request::Backends(pool, reply) => reply.send(match pool.as_str() {
                "app" => self.or_refusal(vec![backend("b2")]),
                _ => Err(Refusal::Unknown(format!("no pool is called '{pool}'"))),
            }),
            Request::Add(_, new, reply) => reply.send(self.or_refusal(backend(&new.name))),
            Request::Change(_, name, _, reply) => reply.send(self.or_refusal(backend(&name))),
            Request::Remove { reply, .. } => reply.send(self.or_refusal(())),
            Request::Connections(limit, _, reply) => reply.send(self.connections(limit)),
            Request::Kill(_, reply) => reply.send(self.or_refusal(())),
            Request::Explain(_, reply) => reply.send(self.or_refusal(explanation())),
            Request::Metrics(reply) => reply.send(Scrape::default()),
            Request::Overview(reply) => reply.send(Arc::new(self.overview())),
            Request::History(range, pool, reply) => reply.send(match pool.as_deref() {
                None | Some("app") => self.or_refusal(history(range)),
                Some(pool) => Err(Refusal::Unknown(format!("no pool is called '{pool}'"))),
            }),
            Request::Config(reply) => reply.send(json!({"workers": 1})),
            Request::Foresee(config, reply) => {
                let changes = config.listeners.iter().map(|it| it.name.to_string());
                reply.send(self.or_refusal(Foresight {
                    changes: changes.collect(),
                    sessions: None,
                    moved: Vec::new(),
                }));
            }
            Request::Reload(reply) => reply.send(self.or_refusal(Reloaded {
                generation: 2,
                changes: vec!["pool app: backend b3 is new".to_owned()],
            })),
            Request::Drain(reply) => reply.send(()),
            Request::Subscribe(subscriber) => self.subscribers.push(subscriber),
            Request::Past(past, reply) => {
                if matches!(self.manner, Manner::Eventful) {
                    self.tell("backend", "meanwhile");
                }
                reply.send(self.past(past));
            }
        }
        Ok(())
    }

    fn or_refusal<T>(&self, answer: T) -> Result<T, Refusal> {
        match &self.manner {
            Manner::Refusing(refusal) => Err(refusal.clone()),
            _ => Ok(answer),
        }
    }

    fn past(&self, past: Past) -> Vec<Happening> {
        let first = match past {
            Past::Latest(most) => self.told.len().saturating_sub(most),
            Past::After(id) => usize::try_from(id).unwrap().min(self.told.len()),
        };
        self.told[first..].to_vec()
    }

    fn connections(&self, limit: usize) -> Vec<Connection> {
        let count = match self.manner {
            Manner::Crowded(count) => count,
            _ => 1,
        };
        vec![connection(); count.min(limit)]
    }

    fn overview(&mut self) -> Overview {
        self.overviews += 1;
        serde_json::from_value(json!({
            "at": format!("2026-11-20T12:20:{:02}.000Z", self.overviews),
            "version": "0.1.0 (unknown) test", "pid": 1, "uptime_seconds": 1.5,
            "ready": true, "draining": false,
            "sentence": {"level": "good", "text": "All is well."},
            "totals": {
                "sessions": 0, "sessions_limit": 9000, "connections_per_second": 0.0,
                "bytes_in_per_second": 0.0, "bytes_out_per_second": 0.0, "errors_per_second": 0.0,
                "connect_p50_ms": null, "connect_p99_ms": 0.8, "backends_up": 1, "backends": 1,
            },
            "counters": {
                "connections_total": 7, "bytes_in_total": 512, "bytes_out_total": 49_321,
                "errors_total": 0,
            },
            "listeners": [], "pools": [],
            "engine": {
                "workers": [{"iterations_per_second": 2.0, "busy": 0.5, "sessions": 0}],
                "descriptors": {"used": 20, "limit": 1024},
                "pipes": {"used": 0, "idle": 0, "limit": 16},
                "relay": {"copy_bytes_per_second": 0.0, "splice_bytes_per_second": 0.0},
                "access_log": {"lines_total": 7, "dropped_total": 0},
                "memory_bytes": 1_000_000,
            },
            "capabilities": {"writes": true, "token_required": false},
        }))
        .unwrap()
    }

    fn status(&self) -> Status {
        let is_ready = !matches!(self.manner, Manner::Unready);
        Status {
            version: "0.1.0 (unknown) test".to_owned(),
            pid: 1,
            uptime_seconds: 1.5,
            ready: is_ready,
            not_ready_because: (!is_ready).then(|| "pool app has no live backend".to_owned()),
            draining: false,
            generation: 1,
            workers: 1,
            connections_active: 0,
            connections_limit: 9000,
            listeners: vec![Listener {
                name: "web".to_owned(),
                addresses: vec!["127.0.0.1:9000".to_owned()],
                pool: "app".to_owned(),
                routes: Vec::new(),
                connections_active: 0,
            }],
            pools: vec![pool()],
        }
    }
}

fn explanation() -> Explanation {
    Explanation {
        client: "203.0.113.7".to_owned(),
        listener: "web".to_owned(),
        pool: "app".to_owned(),
        balance: "first".to_owned(),
        answer: "203.0.113.7 gets app/b2 (first)".to_owned(),
        held_back_because: None,
        workers: vec![WorkerView {
            workers: vec![1],
            outcome: "backend".to_owned(),
            backend: Some("b2".to_owned()),
            backends: vec![Candidate {
                backend: "b2".to_owned(),
                address: "10.0.0.2:8080".to_owned(),
                verdict: "chosen".to_owned(),
                why: "it is the first that has room".to_owned(),
            }],
        }],
    }
}

fn history(range: Range) -> History {
    History {
        step_seconds: if range == Range::Quarter { 1 } else { 60 },
        from: "2026-11-20T12:20:02.481Z".to_owned(),
        columns: Columns {
            sessions: vec![Some(1.0), None],
            ..Columns::default()
        },
    }
}

fn pool() -> Pool {
    Pool {
        name: "app".to_owned(),
        balance: "round-robin".to_owned(),
        backends: 1,
        backends_up: 1,
        connections_active: 0,
        scale: None,
    }
}

fn backend(name: &str) -> Backend {
    Backend {
        pool: "app".to_owned(),
        name: name.to_owned(),
        address: "10.0.0.2:8080".to_owned(),
        weight: 2,
        state: "up".to_owned(),
        since: "2026-11-20T12:20:02.481Z".to_owned(),
        backup: false,
        max_connections: None,
        connections_active: 0,
        connections_total: 7,
        bytes_in: 512,
        bytes_out: 49_321,
        connect_errors_total: 0,
        last_check: Some(LastCheck {
            result: "passed".to_owned(),
            at: "2026-11-20T12:20:02.481Z".to_owned(),
            duration_ms: 0.8,
            detail: "connected".to_owned(),
        }),
        paced_drain: None,
    }
}

fn connection() -> Connection {
    Connection {
        id: "8f21".to_owned(),
        listener: "web".to_owned(),
        pool: "app".to_owned(),
        backend: Some("b2".to_owned()),
        client: "203.0.113.7:51544".to_owned(),
        age_seconds: 1.2,
        idle_seconds: 0.1,
        bytes_in: 512,
        bytes_out: 49_321,
        path: "splice".to_owned(),
    }
}
