//! A running l4lb in the test's own process, for what no flag can say.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use l4lb::config::{
    AccessLogConfig, AccessLogOutput, AllDown, BackendConfig, Balance, Config, HealthConfig,
    ListenerConfig, OnDown, PoolConfig, defaults,
};
use l4lb::pool::{Backend, Order};
use l4lb::requests::{Change, Reply, Request};
use l4lb::supervisor::{Handle, Process};
use signal_hook::consts::SIGTERM;
use tempfile::TempDir;

use super::{PATIENCE, eventually};

/// A pool over these addresses, named a, b, c in their order, with the defaults of the flags but
/// without health checks.
pub(crate) fn pool_over(addresses: &[SocketAddr]) -> PoolConfig {
    let backend = |(name, address): (char, &SocketAddr)| {
        BackendConfig::new(name.to_string().into(), *address)
    };
    PoolConfig {
        name: "app".into(),
        backends: ('a'..).zip(addresses).map(backend).collect(),
        backends_file: None,
        balance: Balance::RoundRobin,
        connect_timeout: Duration::from_secs(3),
        retries: 2,
        queue_timeout: Duration::from_secs(3),
        slow_start: Duration::ZERO,
        hedge: false,
        send_proxy: None,
        source: None,
        on_down: OnDown::Keep,
        all_down: AllDown::Reject,
        health: None,
        eject: None,
        scale: None,
        tls: None,
    }
}

/// TCP checks at this interval.
pub(crate) fn tcp_checks(interval: Duration) -> HealthConfig {
    HealthConfig {
        interval,
        ..HealthConfig::default()
    }
}

/// A running l4lb; dropping it ends it.
pub(crate) struct Embedded {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    /// Those of the start.
    backends: Vec<Arc<Backend>>,
    folder: TempDir,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Embedded {
    /// One listener in front of this pool.
    pub(crate) fn start(pool: PoolConfig) -> Self {
        Self::with_workers(1, pool)
    }

    pub(crate) fn with_workers(workers: usize, pool: PoolConfig) -> Self {
        Self::draining_for(Duration::from_millis(500), workers, pool)
    }

    /// Whose sessions have that long to finish, where they have to.
    pub(crate) fn draining_for(drain_timeout: Duration, workers: usize, pool: PoolConfig) -> Self {
        let folder = TempDir::new().unwrap();
        let config = Config {
            listeners: vec![ListenerConfig {
                name: "web".into(),
                addresses: vec![([127, 0, 0, 1], 0).into()],
                pool: 0,
                routes: None,
                idle_timeout: Duration::from_secs(3600),
                max_connections: None,
                accept_proxy: None,
                preamble_timeout: defaults::PREAMBLE_TIMEOUT,
                http: None,
                tls: None,
            }],
            pools: vec![pool],
            workers,
            max_connections: None,
            drain_timeout,
            access_log: AccessLogConfig::to(AccessLogOutput::File(
                folder.path().join("access.log"),
            )),
            log_level: log::LevelFilter::Info,
            admin: None,
            dns_servers: Vec::new(),
        };
        let process = Process::start(config, None).unwrap();
        let address = process.listeners()[0].1;
        let handle = process.handle();
        let backends = process.served();
        let thread = std::thread::spawn(move || process.run());
        Self {
            address,
            handle,
            backends,
            folder,
            thread: Some(thread),
        }
    }

    /// A client of it, with deadlines.
    pub(crate) fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client.set_nodelay(true).unwrap();
        client
    }

    /// The backend with this name.
    pub(crate) fn backend(&self, name: &str) -> &Arc<Backend> {
        let mut backends = self.backends.iter();
        backends.find(|it| &*it.name == name).unwrap()
    }

    /// Has an operator want something of a backend, and waits until that is done.
    pub(crate) fn order(&self, name: &str, order: Order) {
        let change = Change {
            weight: None,
            order: Some(order),
            over: None,
        };
        let (sender, answer) = std::sync::mpsc::channel();
        let reply = Reply::new(move |answer| sender.send(answer).unwrap());
        let request = Request::Change("app".to_owned(), name.to_owned(), change, reply);
        self.handle.ask(request).unwrap();
        answer.recv_timeout(PATIENCE).unwrap().unwrap();
    }

    /// Waits until the access log has `count` lines, and returns them.
    #[track_caller]
    pub(crate) fn wait_for_access_log(&self, count: usize) -> Vec<String> {
        let path = self.folder.path().join("access.log");
        let read = || -> Vec<String> {
            let text = std::fs::read_to_string(&path).unwrap();
            text.lines().map(str::to_owned).collect()
        };
        eventually("lines in the access log", || read().len() >= count);
        read()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.handle.signal(SIGTERM);
        self.handle.signal(SIGTERM);
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap().unwrap();
        }
    }
}
