use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;

use super::attributes::content;
use super::partition::{Partition, Reading};
use crate::transport::Received;

/// The generations that read partitions of a service.
#[derive(Debug, Default)]
pub(super) struct Readers {
    /// A name that is used again is another reader.
    names: HashMap<String, u64>,
    readers: HashMap<u64, Reader>,
}

/// A reader that was opened.
pub(super) struct Begun {
    /// Told once there is something for it.
    pub(super) wake: Arc<Notify>,
    /// How far the readers had come that were destroyed, by partition.
    pub(super) received: Vec<(u32, u64)>,
    /// The newest entry of each partition that has any.
    pub(super) stored: Vec<(u32, u64)>,
}

/// One generation.
#[derive(Debug)]
struct Reader {
    name: String,
    partitions: Vec<u32>,
    /// The number of the last entry that it was sent.
    sent: u64,
    /// The partitions that have more for it, in turn.
    ready: VecDeque<u32>,
    wake: Arc<Notify>,
}

impl Readers {
    /// Destroys whoever reads one of the partitions; tells how far they had read.
    pub(super) fn open(
        &mut self,
        name: &str,
        reader: u64,
        partitions: Vec<u32>,
        queues: &mut [Partition],
    ) -> Begun {
        let mut received = Vec::new();
        if let Some(same) = self.named(name) {
            received.extend(self.destroy(same, queues));
        }
        for partition in &partitions {
            let reading = queues[*partition as usize].reading.as_ref();
            if let Some(other) = reading.map(|reading| reading.reader) {
                received.extend(self.destroy(other, queues));
            }
        }
        let mut ready = VecDeque::new();
        for partition in &partitions {
            let queue = &mut queues[*partition as usize];
            queue.reading = Some(Reading {
                reader,
                through: 0,
                ready: false,
            });
            if queue.untold_reader().is_some() {
                ready.push_back(*partition);
            }
        }
        let newest =
            |partition: &u32| Some((*partition, queues[*partition as usize].log.newest()?));
        let stored = partitions.iter().filter_map(newest).collect();
        let wake = Arc::<Notify>::default();
        self.names.insert(name.to_owned(), reader);
        self.readers.insert(
            reader,
            Reader {
                name: name.to_owned(),
                partitions,
                sent: 0,
                ready,
                wake: Arc::clone(&wake),
            },
        );
        Begun {
            wake,
            received,
            stored,
        }
    }

    /// The reader of this name, if it was not destroyed.
    pub(super) fn named(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }

    pub(super) fn close(&mut self, name: &str, queues: &mut [Partition]) {
        if let Some(reader) = self.named(name) {
            self.destroy(reader, queues);
        }
    }

    fn destroy(&mut self, reader: u64, queues: &mut [Partition]) -> Vec<(u32, u64)> {
        let Some(gone) = self.readers.remove(&reader) else {
            return Vec::new();
        };
        self.names.remove(&gone.name);
        gone.wake.notify_one();
        let through = |partition: &u32| {
            let reading = queues[*partition as usize].reading.take()?;
            Some((*partition, reading.through))
        };
        gone.partitions.iter().filter_map(through).collect()
    }

    /// There is more in a partition than its reader has got.
    pub(super) fn tell(&mut self, reader: u64, partition: u32) {
        if let Some(reader) = self.readers.get_mut(&reader) {
            reader.ready.push_back(partition);
            reader.wake.notify_one();
        }
    }

    /// What a reader gets next; `None` if it was destroyed.
    pub(super) fn take(
        &mut self,
        reader: u64,
        room: usize,
        queues: &mut [Partition],
    ) -> Option<Vec<Received>> {
        let reader = self.readers.get_mut(&reader)?;
        let mut taken = Vec::new();
        while taken.len() < room {
            let Some(partition) = reader.ready.pop_front() else {
                break;
            };
            let queue = &mut queues[partition as usize];
            let Some(reading) = queue.reading.as_mut() else {
                continue;
            };
            for (position, entry) in queue.log.after(reading.through).take(room - taken.len()) {
                reader.sent += 1;
                reading.through = position.sequence;
                taken.push(Received {
                    partition,
                    position,
                    number: reader.sent,
                    entry: content(entry),
                });
            }
            reading.ready = false;
            if queue.untold_reader().is_some() {
                reader.ready.push_back(partition);
            }
        }
        Some(taken)
    }
}
