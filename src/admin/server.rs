//! The admin API as the supervisor sees it: bound, then running, then stopped.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::middleware::from_fn_with_state;
use tokio::runtime::Builder;
use tokio::sync::watch;

use super::desk::{Ask, Desk};
use super::events::Feed;
use super::hall::Hall;
use super::overview::Watch;
use super::patience::Patience;
use super::routes::{self, Shared};
use super::socket::Listening;
use super::{envelope, guard};
use crate::config::AdminConfig;
use crate::reason;
use crate::token::Token;

/// Threads that write out long answers.
const WRITERS: usize = 1;

/// An admin API that is bound and does not run yet.
#[derive(Debug)]
pub struct Server {
    listening: Listening,
    address: String,
    token: Option<Arc<Token>>,
    patience: Patience,
}

/// The running admin API; dropping it lets it end, too.
#[derive(Debug)]
pub struct AdminThread {
    stop: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Reads the token and binds the address. A file that a dead l4lb has left is replaced.
    ///
    /// # Errors
    ///
    /// A sentence with the address, or the file of the token, and what is wrong.
    pub fn bind(config: &AdminConfig) -> Result<Self, String> {
        let token = match &config.token_file {
            Some(path) => Some(Arc::new(Token::read(path)?)),
            None => None,
        };
        let bind = || {
            let listening = Listening::bind(&config.listen)?;
            let address = listening.address()?.to_string();
            Ok((listening, address))
        };
        let (listening, address) = bind().map_err(|error: io::Error| {
            let why = reason::of(&error);
            format!("the admin API cannot listen on {}: {why}", config.listen)
        })?;
        Ok(Self {
            listening,
            address,
            token,
            patience: Patience::default(),
        })
    }

    /// The same with other waiting times.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Where it listens, as the configuration writes it, with the real port where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Starts the thread, which asks the supervisor by way of `ask`.
    ///
    /// # Errors
    ///
    /// What the system says where it gives no thread, or no epoll.
    pub fn run(self, ask: Ask) -> io::Result<AdminThread> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(WRITERS)
            .build()?;
        let (stop, stopping) = watch::channel(());
        let (feed, events) = Feed::new(self.patience.silence);
        let (watch, overviews) = Watch::new(self.patience.silence);
        let desk = Desk::new(ask, self.patience.supervisor);
        let router = routes::router(Shared { desk, feed, watch })
            .layer(from_fn_with_state(self.token, guard::check))
            .layer(from_fn_with_state(self.patience.request, envelope::wrap));
        let hall = {
            // Sockets are given to the runtime that is entered.
            let _runtime = runtime.enter();
            Hall::open(self.listening, router, self.patience, stopping)?
        };
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || runtime.block_on(hall.serve((events, overviews))))?;
        Ok(AdminThread { stop, thread })
    }
}

impl AdminThread {
    /// Ends it: requests that are under way are answered, unless that takes too long. Returns when the
    /// thread and the file of its socket are gone.
    pub fn stop(self) {
        drop(self.stop);
        // That a handler has panicked was said by then, and has not ended the thread.
        let _ = self.thread.join();
    }
}
