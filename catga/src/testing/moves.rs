//! Planned moves, one after the other: nodes join and leave in good order.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

use super::chaos::a_while;
use super::report::Rule;
use super::site::{Phase, Site};
use super::world::Inner;

/// How long a cluster takes to divide its partitions anew.
const SETTLED: Duration = Duration::from_secs(60);

/// How many nodes more than it began with a service may have.
const MORE: usize = 3;

pub(super) struct Moves {
    world: Arc<Inner>,
    chance: Rng,
}

impl Moves {
    pub(super) const fn new(world: Arc<Inner>, chance: Rng) -> Self {
        Self { world, chance }
    }

    /// Goes on until it is `over`, and leaves no move half done.
    pub(super) async fn run(&mut self, over: &Cell<bool>) {
        while !over.get() {
            a_while(&mut self.chance, Duration::from_secs(10)).await;
            let service = self.chance.usize(..self.world.services.len());
            let (up, down) = self.sites(service);
            match self.chance.u8(..3) {
                0 if up.len() > 1 => {
                    let at = up[self.chance.usize(..up.len())];
                    self.world.history.disturb("a node is shut down");
                    self.world.shut_down(at).await;
                }
                1 if !down.is_empty() => {
                    let at = down[self.chance.usize(..down.len())];
                    self.join(service, at).await;
                }
                2 if up.len() + down.len() < self.world.services[service].nodes + MORE => {
                    let at = self.world.add_site(service);
                    self.join(service, at).await;
                }
                _ => {}
            }
        }
    }

    fn sites(&self, service: usize) -> (Vec<usize>, Vec<usize>) {
        let state = self.world.state();
        let of = |phase: Phase| {
            let sites = (0..).zip(&state.sites);
            sites
                .filter(|(_, site)| site.service == service && site.phase == phase)
                .map(|(at, _)| at)
                .collect()
        };
        (of(Phase::Up), of(Phase::Down))
    }

    /// A node joins, and moves few partitions.
    async fn join(&self, service: usize, at: usize) {
        let before = self.settled(service).await;
        self.world.history.disturb("a node joins");
        if self.world.start(at).await.is_err() {
            return;
        }
        // From then on it may take its share.
        sleep(Duration::from_secs(5)).await;
        let after = self.settled(service).await;
        let (Some(before), Some(after)) = (before, after) else {
            return;
        };
        let moved = before
            .iter()
            .filter(|(partition, owner)| after.get(*partition) != Some(*owner));
        let (moved, nodes) = (moved.count(), self.sites(service).0.len());
        let most = 2 * before.len().div_ceil(nodes.max(1));
        let name = &self.world.services[service].name;
        let text = format!("a join to {nodes} nodes of {name} moved {moved} partitions");
        self.world.history.note(&text);
        if moved > most {
            let text = format!("{text}, more than {most}");
            self.world.history.violation(Rule::Moves, text);
        }
    }

    /// Who owns what, once that has not changed for a while and every node has its share.
    async fn settled(&self, service: usize) -> Option<BTreeMap<u32, Arc<str>>> {
        let settled = async {
            let mut known = self.owners(service);
            let mut since = Instant::now();
            loop {
                sleep(Duration::from_millis(500)).await;
                let owners = self.owners(service);
                if owners != known {
                    (known, since) = (owners, Instant::now());
                } else if since.elapsed() > Duration::from_secs(8) && !known.is_empty() {
                    return known;
                }
            }
        };
        timeout(SETTLED, settled).await.ok()
    }

    fn owners(&self, service: usize) -> BTreeMap<u32, Arc<str>> {
        let state = self.world.state();
        let sites = state.sites.iter().filter(|site| site.service == service);
        let nodes = sites.filter_map(Site::node);
        nodes
            .flat_map(|(process, node)| {
                let id = Arc::clone(&process.id);
                let partitions = node.partitions().into_keys();
                partitions.map(move |partition| (partition, Arc::clone(&id)))
            })
            .collect()
    }
}
