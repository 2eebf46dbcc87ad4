use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use catga::transport::{Ack, Generation, Position, Received, Transport};
use tokio::sync::mpsc;

use super::ghosts::Ghosts;
use super::lies::Lies;
use super::sequences::Sequences;
use super::{Faults, Lie};

/// The queues behind all lines, and what is wrong with them.
pub(super) struct Stored {
    inner: Mutex<Arc<dyn Transport>>,
    lies: Mutex<Lies>,
    ghosts: Mutex<Ghosts>,
    provisioned: Mutex<BTreeMap<Arc<str>, u32>>,
    /// The broker's own number of an entry, where a generation was told another one.
    renumbered: Mutex<HashMap<(Generation, u64), u64>>,
    sequences: Mutex<Sequences>,
}

impl Stored {
    pub(super) fn new(inner: Arc<dyn Transport>) -> Self {
        Self {
            inner: Mutex::new(inner),
            lies: Mutex::default(),
            ghosts: Mutex::default(),
            provisioned: Mutex::default(),
            renumbered: Mutex::default(),
            sequences: Mutex::default(),
        }
    }
}

impl Faults {
    /// From now on every so many occasions of a lie it is told.
    pub fn lie(&self, lie: Lie, every: u64) {
        self.stored.lies.lock().unwrap().set(lie, every);
    }

    /// No lies from here on. Ghosts stay until their nodes close them.
    pub fn be_honest(&self) {
        self.stored.lies.lock().unwrap().clear();
    }

    /// How often a lie was told; [`Lie::GenerationsIgnored`] is not counted.
    #[must_use]
    pub fn lies(&self, lie: Lie) -> u64 {
        self.stored.lies.lock().unwrap().told(lie)
    }

    /// Ends all reads of queues; others can be started at once.
    pub fn break_intakes(&self) {
        self.flows.send_modify(|breaks| *breaks += 1);
    }

    /// The queues and marks as they are, past all lines.
    #[must_use]
    pub fn queues(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.stored.inner.lock().unwrap())
    }

    /// Other queues and marks take the place of the present ones, and reads end as with a lost
    /// connection: a copy of what was there before, say.
    pub fn replace_queues(&self, by: Arc<dyn Transport>) {
        *self.stored.inner.lock().unwrap() = by;
        *self.stored.ghosts.lock().unwrap() = Ghosts::default();
        self.break_intakes();
    }

    /// The queues are made again: an empty store takes their place, with queues for the same
    /// services that count from 1.
    pub async fn recreate_queues(&self, empty: Arc<dyn Transport>) {
        let provisioned = self.stored.provisioned.lock().unwrap().clone();
        for (service, partitions) in provisioned {
            let provisioned = empty.queues().provision(&service, partitions).await;
            provisioned.unwrap();
        }
        self.replace_queues(empty);
    }

    pub(super) fn provisioned(&self, service: Arc<str>, partitions: u32) {
        let mut provisioned = self.stored.provisioned.lock().unwrap();
        provisioned.insert(service, partitions);
    }

    pub(super) fn tell(&self, lie: Lie) -> bool {
        self.stored.lies.lock().unwrap().tell(lie)
    }

    pub(super) fn has(&self, lie: Lie) -> bool {
        self.stored.lies.lock().unwrap().has(lie)
    }

    pub(super) fn sequences(&self) -> MutexGuard<'_, Sequences> {
        self.stored.sequences.lock().unwrap()
    }

    pub(super) fn haunt(
        &self,
        generation: &Generation,
        partitions: &[u32],
    ) -> mpsc::UnboundedReceiver<Received> {
        let mut ghosts = self.stored.ghosts.lock().unwrap();
        ghosts.open(generation, partitions)
    }

    pub(super) fn receive(&self, generation: &Generation, received: &Received) {
        let mut ghosts = self.stored.ghosts.lock().unwrap();
        ghosts.receive(generation, received);
    }

    pub(super) fn closed(&self, generation: &Generation) {
        self.stored.ghosts.lock().unwrap().close(generation);
        let mut renumbered = self.stored.renumbered.lock().unwrap();
        renumbered.retain(|(of, _), _| of != generation);
    }

    pub(super) fn renumber(&self, generation: &Generation, number: u64, original: u64) {
        let mut renumbered = self.stored.renumbered.lock().unwrap();
        renumbered.insert((generation.clone(), number), original);
    }

    /// The broker's own number of an entry.
    pub(super) fn original(&self, generation: &Generation, number: u64) -> u64 {
        let renumbered = self.stored.renumbered.lock().unwrap();
        let original = renumbered.get(&(generation.clone(), number));
        original.copied().unwrap_or(number)
    }

    /// What acknowledgements come to, by the generation in whose name they are done.
    pub(super) fn effective(
        &self,
        generation: &Generation,
        acks: &[Ack],
    ) -> Vec<(Generation, Vec<Ack>)> {
        let original = |ack: &Ack| {
            let Ack { position, .. } = ack;
            let (service, sequence) = (&generation.service, position.sequence);
            Ack {
                number: self.original(generation, ack.number),
                position: Position {
                    sequence: self.sequences().own(service, ack.partition, sequence),
                    ..*position
                },
                ..*ack
            }
        };
        let acks: Vec<_> = acks.iter().map(original).collect();
        let ghosts = self.stored.ghosts.lock().unwrap();
        ghosts.effective(generation, &acks)
    }
}
