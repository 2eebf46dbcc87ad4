use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use catga::transport::{Ack, Generation, Received};
use tokio::sync::mpsc;

/// Generations that go on although they are destroyed: what the living ones receive comes to them as
/// well, and what they acknowledge is acknowledged in the name of the living, once those have received
/// it.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    readers: Vec<Reader>,
    /// What a living generation received last, by its place.
    received: HashMap<(Arc<str>, u32, u64), (Generation, Ack)>,
}

#[derive(Debug)]
struct Reader {
    generation: Generation,
    destroyed: bool,
    /// How far it has read each of its partitions.
    through: BTreeMap<u32, u64>,
    entries: mpsc::UnboundedSender<Received>,
}

impl Ghosts {
    /// A generation was opened. Those that it destroys become ghosts.
    pub(super) fn open(
        &mut self,
        generation: &Generation,
        partitions: &[u32],
    ) -> mpsc::UnboundedReceiver<Received> {
        for reader in &mut self.readers {
            let common = |partition| reader.through.contains_key(partition);
            if reader.generation.service == generation.service && partitions.iter().any(common) {
                reader.destroyed = true;
            }
        }
        let (entries, haunted) = mpsc::unbounded_channel();
        self.readers.push(Reader {
            generation: generation.clone(),
            destroyed: false,
            through: partitions.iter().map(|partition| (*partition, 0)).collect(),
            entries,
        });
        haunted
    }

    /// A generation ends by its own node's will.
    pub(super) fn close(&mut self, generation: &Generation) {
        self.readers
            .retain(|reader| reader.generation != *generation);
    }

    /// A living generation received this.
    pub(super) fn receive(&mut self, generation: &Generation, received: &Received) {
        if self.is_ghost(generation) {
            return;
        }
        let Received {
            partition,
            position,
            number,
            ..
        } = *received;
        let service = &generation.service;
        let place = (Arc::clone(service), partition, position.sequence);
        let ack = Ack {
            partition,
            position,
            number,
        };
        self.received.insert(place, (generation.clone(), ack));
        for reader in &mut self.readers {
            if reader.generation.service != *service {
                continue;
            }
            let Some(through) = reader.through.get_mut(&partition) else {
                continue;
            };
            if position.sequence <= *through {
                continue;
            }
            if reader.generation == *generation || reader.destroyed {
                *through = position.sequence;
            }
            if reader.generation != *generation && reader.destroyed {
                // Its node may have dropped it.
                let _ = reader.entries.send(copy(received));
            }
        }
    }

    /// In whose name acknowledgements have effect: by generation.
    pub(super) fn effective(
        &self,
        generation: &Generation,
        acks: &[Ack],
    ) -> Vec<(Generation, Vec<Ack>)> {
        if !self.is_ghost(generation) {
            return vec![(generation.clone(), acks.to_vec())];
        }
        let mut effective: BTreeMap<Generation, Vec<Ack>> = BTreeMap::new();
        for ack in acks {
            let service = Arc::clone(&generation.service);
            let place = (service, ack.partition, ack.position.sequence);
            if let Some((living, ack)) = self.received.get(&place) {
                effective.entry(living.clone()).or_default().push(*ack);
            }
        }
        effective.into_iter().collect()
    }

    fn is_ghost(&self, generation: &Generation) -> bool {
        let is = |reader: &Reader| reader.generation == *generation && reader.destroyed;
        self.readers.iter().any(is)
    }
}

/// An entry once more.
pub(super) fn copy(received: &Received) -> Received {
    Received {
        partition: received.partition,
        position: received.position,
        number: received.number,
        entry: received.entry.clone(),
    }
}
