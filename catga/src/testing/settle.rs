//! After the last disturbance: everything comes to rest, or the report says what does not.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::check::Letter;
use super::report::Rule;
use super::site::{Phase, Site};
use super::world::Inner;
use crate::node::Node;
use crate::transport::Transport;

impl Inner {
    /// Brings back the nodes that each service began with.
    pub(super) async fn bring_back(&self, within: Duration) {
        let until = Instant::now() + within;
        self.at_rest().await;
        loop {
            let down: Vec<_> = {
                let state = self.state();
                let sites = (0..).zip(&state.sites);
                let down = sites.filter(|(_, site)| site.phase == Phase::Down);
                down.map(|(at, site)| (at, site.service)).collect()
            };
            let mut failed = None;
            for (at, service) in down {
                if self.up(service) < self.services[service].nodes {
                    failed = self.start(at).await.err().or(failed);
                }
            }
            let Some(error) = failed else {
                return;
            };
            if Instant::now() > until {
                let text =
                    format!("not all nodes came back within {within:?} without faults: {error}");
                return self.history.violation(Rule::Progress, text);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Lets services go on that are paused because the records fell back.
    pub(super) async fn resume_forgotten(&self) {
        for (service, node) in self.one_of_each() {
            while self.history.may_be_paused_by_mistake(&service) && node.resume().await.is_err() {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }

    fn up(&self, service: usize) -> usize {
        let state = self.state();
        let sites = state.sites.iter();
        sites
            .filter(|site| site.service == service && site.phase == Phase::Up)
            .count()
    }

    /// Waits until everything that was acknowledged is done and has left its queue. Returns the
    /// dead letters.
    pub(super) async fn settle(&self, within: Duration) -> Vec<Letter> {
        let started = Instant::now();
        loop {
            let letters = self.letters().await;
            let takers = self.state().takers.clone();
            let owed = self.history.record().owed(&takers, &letters).len();
            let stored = self.stored().await;
            if owed == 0 && stored.is_empty() {
                let took = started.elapsed();
                self.history
                    .note(format_args!("all is done, after {took:?}"));
                return letters;
            }
            if started.elapsed() > within {
                let text = format!(
                    "{within:?} after the last disturbance {owed} handlers owe a message, and these partitions are not empty: {stored:?}"
                );
                self.history.violation(Rule::Progress, text);
                return letters;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// The partitions that still hold something.
    async fn stored(&self) -> Vec<String> {
        let mut stored = Vec::new();
        let memory = self.broker.memory();
        for (name, partitions) in self.partitions() {
            for partition in partitions {
                if let Ok(Some(oldest)) = memory.queues().oldest(&name, partition).await {
                    stored.push(format!("{name}/{partition} from {oldest}"));
                }
            }
        }
        stored
    }

    /// The partitions of each service, as far as they are owned.
    fn partitions(&self) -> Vec<(Arc<str>, Vec<u32>)> {
        let state = self.state();
        let up = state.sites.iter().filter_map(Site::node);
        up.map(|(process, node)| {
            let partitions = node.partitions().into_keys().collect();
            (Arc::clone(&process.service), partitions)
        })
        .collect()
    }

    async fn letters(&self) -> Vec<Letter> {
        let mut letters = Vec::new();
        for (service, node) in self.one_of_each() {
            letters.extend(letters_of(&service, &node).await);
        }
        letters
    }

    /// One node of each service.
    fn one_of_each(&self) -> Vec<(Arc<str>, Node)> {
        let state = self.state();
        let services = (0..).zip(&self.services);
        services
            .filter_map(|(at, service)| {
                let mut sites = state.sites.iter().filter(|site| site.service == at);
                let (_, node) = sites.find_map(Site::node)?;
                Some((Arc::clone(&service.name), node.clone()))
            })
            .collect()
    }

    /// Shuts all nodes down in good order, one after the other.
    pub(super) async fn shut_all_down(&self) {
        let sites = self.state().sites.len();
        for at in 0..sites {
            self.shut_down(at).await;
        }
    }
}

/// The dead letters of a service, as one of its nodes lists them.
async fn letters_of(service: &Arc<str>, node: &Node) -> Vec<Letter> {
    // What cannot be read now is read with the next look.
    let letters = node.dead_letters().await.unwrap_or_default();
    letters
        .iter()
        .map(|letter| Letter::of(service, letter))
        .collect()
}
