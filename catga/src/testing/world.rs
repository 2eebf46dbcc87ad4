use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use super::broker::Broker;
use super::check::Takers;
use super::client::Client;
use super::history::History;
use super::site::{Phase, Site};
use crate::node::{Builder, Node};
use crate::transport::Transport;

use super::line::Line;
use super::observer::Observer;
use super::process::Process;
use super::sink::Sink;

/// How a node of a service is built.
pub(super) type Make = Arc<dyn Fn(Builder) -> Builder + Send + Sync>;

/// A service of a simulation.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) name: Arc<str>,
    /// How many nodes it has when nothing is wrong.
    pub(super) nodes: usize,
    pub(super) make: Make,
}

/// The simulated world, as a workload sees it; a cheap clone.
///
/// Its clock is paused: it goes on to the next timer as soon as nobody has anything to do, so that
/// `tokio::time::sleep` costs nothing. Everything a workload draws must follow from
/// [`seed`](Self::seed), and it must not wait for anything outside of the simulation.
#[derive(Clone)]
pub struct World {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) seed: u64,
    pub(super) services: Vec<Service>,
    pub(super) broker: Arc<Broker>,
    pub(super) history: Arc<History>,
    pub(super) direct: bool,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) sites: Vec<Site>,
    pub(super) takers: Takers,
    lives: u64,
}

impl World {
    /// The seed of the simulation.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// How much simulated time has gone by.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.inner.history.elapsed()
    }

    /// Calls from a node of any service, drawn anew for each call.
    pub fn any(&self) -> Client {
        Client::new(&self.inner, None)
    }

    /// Calls from a node of this service, drawn anew for each call.
    ///
    /// # Panics
    ///
    /// If the simulation has no such service.
    #[track_caller]
    pub fn on(&self, service: &str) -> Client {
        let services = &self.inner.services;
        if !services.iter().any(|one| &*one.name == service) {
            let names: Vec<_> = services
                .iter()
                .map(|one| format!("`{}`", one.name))
                .collect();
            panic!("no service `{service}`; there are: {}", names.join(", "));
        }
        Client::new(&self.inner, Some(service.into()))
    }
}

impl Inner {
    pub(super) fn new(
        seed: u64,
        services: Vec<Service>,
        broker: Arc<Broker>,
        history: Arc<History>,
        direct: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            seed,
            services,
            broker,
            history,
            direct,
            state: Mutex::default(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more node of a service. Returns where it is.
    pub(super) fn add_site(&self, service: usize) -> usize {
        let mut state = self.state();
        let name = &self.services[service].name;
        let number = state
            .sites
            .iter()
            .filter(|site| site.service == service)
            .count()
            + 1;
        let id = format!("{name}-{number}").into();
        state.sites.push(Site::new(service, id));
        state.sites.len() - 1
    }

    /// Starts the node of a site. Fails with the reason why it did not start.
    pub(super) async fn start(&self, at: usize) -> Result<(), String> {
        let Some((service, process)) = self.starting(at) else {
            return Err("it is not down".to_owned());
        };
        let Service { name, make, .. } = &self.services[service];
        let sink = Sink {
            history: Arc::clone(&self.history),
            process: Arc::clone(&process),
            direct: self.direct,
        };
        let line: Arc<dyn Transport> = Arc::new(Line {
            broker: Arc::clone(&self.broker),
            process: Arc::clone(&process),
        });
        let mut builder = make(Node::builder(&**name))
            .id(&*process.id)
            .broker(line)
            .state(sink.clone());
        if !self.direct {
            builder = builder.layer(Observer(sink));
        }
        let started = {
            let died = std::pin::pin!(process.died());
            match select(std::pin::pin!(process.within(builder.start())), died).await {
                Either::Left((started, _)) => started.map_err(|error| chain(&error)),
                Either::Right(_) => Err("it was killed".to_owned()),
            }
        };
        let mut state = self.state();
        match started {
            Ok(node) => {
                self.history.note(format_args!("{process} has started"));
                state.takers.add(name, node.wiring());
                self.history.began(&process, node.wiring());
                state.sites[at].up(&process, node);
                Ok(())
            }
            Err(error) => {
                self.history
                    .note(format_args!("{process} did not start: {error}"));
                state.sites[at].down(&process);
                process.kill();
                Err(error)
            }
        }
    }

    fn starting(&self, at: usize) -> Option<(usize, Arc<Process>)> {
        let mut state = self.state();
        state.lives += 1;
        let life = state.lives;
        let site = state.sites.get_mut(at)?;
        if site.phase != Phase::Down {
            return None;
        }
        let service = site.service;
        let process = Process::new(&self.services[service].name, &site.id, life);
        site.starting(&process);
        self.history.note(format_args!("{process} starts"));
        Some((service, process))
    }

    /// Shuts the node of a site down in good order, and says how it went.
    pub(super) async fn shut_down(&self, at: usize) {
        let Some((process, node)) = self.state().sites[at].leaving() else {
            return;
        };
        self.history.note(format_args!("{process} shuts down"));
        let outcome = {
            let died = std::pin::pin!(process.died());
            match select(std::pin::pin!(process.within(node.shutdown())), died).await {
                Either::Left((outcome, _)) => outcome.map_err(|error| error.to_string()),
                Either::Right(_) => Err("it was killed".to_owned()),
            }
        };
        self.history
            .note(format_args!("{process} has shut down: {outcome:?}"));
        drop(node);
        process.kill();
        self.state().sites[at].down(&process);
    }

    /// Waits until no node starts or leaves.
    pub(super) async fn at_rest(&self) {
        loop {
            let rest = self.state().sites.iter().all(Site::is_at_rest);
            if rest {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// An error and its sources.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    crate::delivery::chain(error).join(": ")
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.inner.seed)
            .finish_non_exhaustive()
    }
}
