use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::error::Refused;
use super::letters::Letters;
use super::partition::Partition;
use super::reader::{Begun, Readers};
use super::shared::SharedQueue;
use crate::transport::{
    Ack, Append, AppendError, Appended, DOOR, Entry, Generation, Part, Queue, Received, Release,
    Shared, TransportError,
};

/// How many entries a queue holds.
const CAPACITY: usize = 1_000_000;

/// The queues of all services.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) identity: Arc<str>,
    pub(super) capacity: usize,
    services: HashMap<Arc<str>, Service>,
    /// The last number that a reader or a delivery was given.
    numbers: u64,
}

/// What a service has.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) partitions: Vec<Partition>,
    pub(super) readers: Readers,
    /// `None` before the service is provisioned.
    pub(super) shared: Option<SharedQueue>,
    pub(super) letters: Letters,
}

impl Default for Store {
    fn default() -> Self {
        static STORES: AtomicU64 = AtomicU64::new(1);
        let mut store = Self {
            identity: format!("memory-{}", STORES.fetch_add(1, Ordering::Relaxed)).into(),
            capacity: CAPACITY,
            services: HashMap::new(),
            numbers: 0,
        };
        // Programs that know nothing of catga find it whether a node was there or not.
        store.provision(&DOOR.into(), 1);
        store
    }
}

impl Store {
    /// What is stored, without anyone who reads it.
    pub(super) fn copy(&self) -> Self {
        let copy = |(name, service): (&Arc<str>, &Service)| {
            let service = Service {
                partitions: service.partitions.iter().map(Partition::copy).collect(),
                readers: Readers::default(),
                shared: service.shared.as_ref().map(SharedQueue::copy),
                letters: service.letters.clone(),
            };
            (Arc::clone(name), service)
        };
        Self {
            identity: Arc::clone(&self.identity),
            capacity: self.capacity,
            services: self.services.iter().map(copy).collect(),
            numbers: self.numbers,
        }
    }

    pub(super) fn service(&mut self, service: &Arc<str>) -> &mut Service {
        // Nothing is allocated for one that is there.
        if !self.services.contains_key(service) {
            self.services
                .insert(Arc::clone(service), Service::default());
        }
        self.services.entry(Arc::clone(service)).or_default()
    }

    pub(super) fn known(&mut self, service: &str) -> Option<&mut Service> {
        self.services.get_mut(service)
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn provision(&mut self, service: &Arc<str>, partitions: u32) {
        let service = self.service(service);
        let count = service.partitions.len().max(partitions as usize);
        service.partitions.resize_with(count, Partition::default);
        service.shared.get_or_insert_default();
    }

    pub(super) fn append(
        &mut self,
        queue: &Queue,
        writer: u64,
        entries: &[Append],
    ) -> Vec<Result<Appended, AppendError>> {
        let capacity = self.capacity;
        let stored = self
            .known(&queue.service)
            .and_then(|service| match queue.part {
                Part::Partition(number) => {
                    let partition = service.partitions.get_mut(number as usize)?;
                    let answers = partition.append(writer, entries, capacity);
                    if let Some(reader) = partition.untold_reader() {
                        service.readers.tell(reader, number);
                    }
                    Some(answers)
                }
                Part::Shared => Some(service.shared.as_mut()?.append(writer, entries, capacity)),
            });
        stored.unwrap_or_else(|| {
            let refused = || Err(AppendError::Transport(no_queue("append", queue)));
            entries.iter().map(|_| refused()).collect()
        })
    }

    pub(super) fn ack(
        &mut self,
        generation: &Generation,
        acks: &[Ack],
    ) -> Result<(), TransportError> {
        let refused = |refused| TransportError::new("acknowledge", refused);
        let (service, reader) = self.reader(generation).map_err(refused)?;
        let mut done = Ok(());
        for ack in acks {
            if let Err(error) = service.ack(reader, ack) {
                done = Err(refused(error));
            }
        }
        done
    }

    pub(super) fn open(
        &mut self,
        generation: &Generation,
        partitions: &[u32],
    ) -> Result<(u64, Begun), TransportError> {
        let reader = self.next_number();
        let refused = |partition: u32| {
            let part = Part::Partition(partition);
            let service = Arc::clone(&generation.service);
            no_queue("open a generation", &Queue { service, part })
        };
        let mut partitions = partitions.to_vec();
        partitions.sort_unstable();
        partitions.dedup();
        let last = partitions.last().copied().unwrap_or_default();
        let service = self
            .known(&generation.service)
            .ok_or_else(|| refused(last))?;
        if last as usize >= service.partitions.len() {
            return Err(refused(last));
        }
        let queues = &mut service.partitions;
        let begun = service
            .readers
            .open(&generation.name, reader, partitions, queues);
        Ok((reader, begun))
    }

    fn reader(&mut self, generation: &Generation) -> Result<(&mut Service, u64), Refused> {
        let destroyed = || Refused::Destroyed(generation.name.clone());
        let service = self.known(&generation.service).ok_or_else(destroyed)?;
        let reader = service.readers.named(&generation.name);
        Ok((service, reader.ok_or_else(destroyed)?))
    }

    /// What a reader gets next; `None` if it was destroyed.
    pub(super) fn take(
        &mut self,
        service: &str,
        reader: u64,
        room: usize,
    ) -> Option<Vec<Received>> {
        let service = self.known(service)?;
        service.readers.take(reader, room, &mut service.partitions)
    }

    /// What a consumer gets of a shared queue, and when it looks again if that is nothing.
    pub(super) fn take_shared(
        &mut self,
        service: &str,
        node: &str,
        room: usize,
    ) -> Option<(Vec<Shared>, Instant)> {
        let delivery = self.next_number();
        let shared = self.known(service)?.shared.as_mut()?;
        let taken = shared.take(node, room, || format!("{node}-{delivery}").into());
        Some((taken, shared.look_again(node)))
    }

    pub(super) fn bury(
        &mut self,
        service: &Arc<str>,
        id: &str,
        letter: &Entry,
        release: Option<Release<'_>>,
    ) -> Result<(), TransportError> {
        let refused = |refused| TransportError::new("write a dead letter", refused);
        if let Some(Release::Partition(generation, ack)) = &release {
            let (read, reader) = self.reader(generation).map_err(refused)?;
            read.may_ack(reader, ack).map_err(refused)?;
        }
        self.service(service).letters.store(id, letter);
        match release {
            Some(Release::Partition(generation, ack)) => self.ack(generation, &[ack]),
            Some(Release::Shared(ticket)) => {
                if let Some(shared) = &mut self.service(service).shared {
                    shared.settle(&ticket);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Service {
    /// Whether a reader may acknowledge this: it received it.
    fn may_ack(&self, reader: u64, ack: &Ack) -> Result<(), Refused> {
        let partition = self.partitions.get(ack.partition as usize);
        match partition.and_then(|partition| partition.reading.as_ref()) {
            Some(reading)
                if reading.reader == reader && ack.position.sequence <= reading.through =>
            {
                Ok(())
            }
            _ => Err(Refused::NotReceived(ack.partition)),
        }
    }

    fn ack(&mut self, reader: u64, ack: &Ack) -> Result<(), Refused> {
        self.may_ack(reader, ack)?;
        let partition = &mut self.partitions[ack.partition as usize];
        partition.log.remove(ack.position);
        Ok(())
    }
}

pub(super) fn no_queue(what: &'static str, queue: &Queue) -> TransportError {
    TransportError::new(what, Refused::NoQueue(queue.to_string().into()))
}
