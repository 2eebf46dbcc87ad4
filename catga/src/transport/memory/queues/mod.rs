//! Queues, dead letters and the front door, in memory.

mod admission;
mod attributes;
mod error;
mod intake;
mod letters;
mod log;
mod partition;
mod reader;
mod seen;
mod shared;
mod store;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hub::Hub;
use crate::transport::{
    Ack, Acked, Append, AppendError, Appended, BoxFuture, Entry, Fetched, Frame, Generation,
    Messenger, Opened, Position, Queue, Queues, Release, SharedIntake, StoredLetter, Ticket,
    TransportError,
};
use attributes::{attributes, content};
use error::Refused;
use intake::{Consumer, Flow};
use shared::SharedQueue;
use store::{Service, Store};

/// The queues that the nodes of one name share.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Store>>);

impl Shelf {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.store().copy())))
    }

    fn with<T>(
        &self,
        service: &Arc<str>,
        what: &'static str,
        read: impl FnOnce(&mut Service) -> Option<T>,
    ) -> Result<T, TransportError> {
        let mut store = self.store();
        let found = store.known(service).and_then(read);
        found.ok_or_else(|| TransportError::new(what, Refused::NoQueue(Arc::clone(service))))
    }

    fn each(
        &self,
        service: &Arc<str>,
        tickets: &[Ticket],
        change: fn(&mut SharedQueue, &Ticket),
    ) -> Result<(), TransportError> {
        self.with(service, "release entries of a shared queue", |found| {
            let shared = found.shared.as_mut()?;
            tickets.iter().for_each(|ticket| change(shared, ticket));
            Some(())
        })
    }

    pub(super) fn set_capacity(&self, entries: usize) {
        self.store().capacity = entries;
    }
}

impl Queues for Hub {
    fn provision<'a>(
        &'a self,
        service: &'a Arc<str>,
        partitions: u32,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            // How many there are is not what is in them: more can be added at any time.
            self.shelf.store().provision(service, partitions);
            Ok(())
        })
    }

    fn append<'a>(
        &'a self,
        queue: &'a Queue,
        writer: u64,
        entries: &'a [Append],
    ) -> BoxFuture<'a, Vec<Result<Appended, AppendError>>> {
        Box::pin(async move { self.shelf.store().append(queue, writer, entries) })
    }

    fn open<'a>(
        &'a self,
        generation: &'a Generation,
        partitions: &'a [u32],
    ) -> BoxFuture<'a, Result<Opened, TransportError>> {
        Box::pin(async move {
            let mut store = self.shelf.store();
            let (reader, opened) = store.open(generation, partitions)?;
            Ok(Opened {
                intake: Box::new(Flow {
                    shelf: self.shelf.clone(),
                    service: Arc::clone(&generation.service),
                    reader,
                    wake: opened.wake,
                }),
                stream: Arc::clone(&store.identity),
                received: opened.received,
                stored: opened.stored,
            })
        })
    }

    fn close<'a>(
        &'a self,
        generation: &'a Generation,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            if let Some(service) = self.shelf.store().known(&generation.service) {
                let readers = &mut service.readers;
                readers.close(&generation.name, &mut service.partitions);
            }
            Ok(())
        })
    }

    fn ack<'a>(
        &'a self,
        generation: &'a Generation,
        acks: &'a [Ack],
    ) -> BoxFuture<'a, Result<Acked, TransportError>> {
        Box::pin(async move {
            self.shelf.store().ack(generation, acks)?;
            Ok(Acked::Done)
        })
    }

    fn fetch<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<Vec<Fetched>, TransportError>> {
        Box::pin(async move {
            self.shelf.with(service, "fetch", |found| {
                let queue = found.partitions.get(partition as usize)?;
                let fetch = |position: &Position| queue.log.get(*position).map(content);
                Some(positions.iter().map(fetch).collect())
            })
        })
    }

    fn oldest<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
    ) -> BoxFuture<'a, Result<Option<u64>, TransportError>> {
        Box::pin(async move {
            self.shelf.with(service, "find the oldest entry", |found| {
                let queue = found.partitions.get(partition as usize)?;
                Some(queue.log.oldest())
            })
        })
    }

    fn share<'a>(
        &'a self,
        service: &'a Arc<str>,
        node: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn SharedIntake>, TransportError>> {
        Box::pin(async move {
            let wake = self.shelf.with(service, "read a shared queue", |found| {
                Some(Arc::clone(&found.shared.as_ref()?.wake))
            })?;
            Ok(Box::new(Consumer {
                shelf: self.shelf.clone(),
                service: Arc::clone(service),
                node: node.into(),
                wake,
            }) as Box<dyn SharedIntake>)
        })
    }

    fn extend<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { self.shelf.each(service, tickets, SharedQueue::extend) })
    }

    fn settle<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { self.shelf.each(service, tickets, SharedQueue::settle) })
    }

    fn give_back<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { self.shelf.each(service, tickets, SharedQueue::give_back) })
    }

    fn bury<'a>(
        &'a self,
        service: &'a Arc<str>,
        id: &'a str,
        letter: &'a Entry,
        release: Option<Release<'a>>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { self.shelf.store().bury(service, id, letter, release) })
    }

    fn letters<'a>(
        &'a self,
        service: &'a Arc<str>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredLetter>, TransportError>> {
        Box::pin(async move {
            let mut store = self.shelf.store();
            let found = store.known(service);
            Ok(found.map_or_else(Vec::new, |found| found.letters.after(after, limit)))
        })
    }

    fn discard<'a>(
        &'a self,
        service: &'a Arc<str>,
        number: u64,
    ) -> BoxFuture<'a, Result<bool, TransportError>> {
        Box::pin(async move {
            let mut store = self.shelf.store();
            let found = store.known(service);
            Ok(found.is_some_and(|found| found.letters.discard(number)))
        })
    }

    /// Whoever subscribes to `ev.<topic>`, or to `ev.<type>` of an event without a topic, sees it.
    fn tap<'a>(
        &'a self,
        topic: Option<&'a str>,
        entry: &'a Entry,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let subject = format!("ev.{}", topic.unwrap_or(&entry.name));
            let frame = Frame {
                headers: attributes(entry),
                payload: entry.payload.clone(),
            };
            self.broadcast(&subject, frame).await
        })
    }
}
