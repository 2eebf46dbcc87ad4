use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::check::Letter;
use super::client::{CallError, Client, within};
use super::enqueued::Enqueued;
use super::world::chain;
use crate::delivery::DeadLetter;
use crate::message::{ContentType, Headers, MessageId, chance};
use crate::node::{StoreError, Stored, time_now};
use crate::routing::{Key, partition_of};
use crate::transport::{Append, Entry, Part, Queue, REPLAY_HANDLER, Transport, TransportError};

/// What those who operate a service do.
impl Client {
    /// [`Node::pause`](crate::Node::pause): from then on nothing of the service may start.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn pause(self) -> Result<(), CallError<TransportError>> {
        let (process, node) = self.node().await;
        let (history, service) = (&self.world.history, &process.service);
        let (called, began) = (Instant::now(), history.pauses(service));
        within(&process, async { node.pause().await }).await?;
        let unaware: BTreeSet<u64> = {
            let state = self.world.state();
            let processes = state.sites.iter().filter_map(|site| site.process.as_ref());
            let overdue = processes.filter(|process| process.was_overdue(called));
            overdue.map(|process| process.life).collect()
        };
        history.paused(service, &began, unaware);
        Ok(())
    }

    /// [`Node::resume`](crate::Node::resume).
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn resume(self) -> Result<(), CallError<TransportError>> {
        let (process, node) = self.node().await;
        let (history, service) = (&self.world.history, &process.service);
        history.resumes(service);
        let resumed = within(&process, async { node.resume().await }).await;
        history.resumed(service, resumed.is_ok());
        resumed
    }

    /// [`Node::dead_letters`](crate::Node::dead_letters): what was replayed or dropped before must not
    /// be among them.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn dead_letters(self) -> Result<Vec<DeadLetter>, CallError<TransportError>> {
        let (process, node) = self.node().await;
        let history = &self.world.history;
        let called = history.called();
        let found = within(&process, async { node.dead_letters().await }).await?;
        let letters = found
            .iter()
            .map(|letter| Letter::of(&process.service, letter));
        history.listed(called, &letters.collect::<Vec<_>>());
        Ok(found)
    }

    /// [`Node::discard`](crate::Node::discard): what was dropped must be gone, and must not run as a
    /// replay any more.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn discard(self, letter: &DeadLetter) -> Result<bool, CallError<TransportError>> {
        let (process, node) = self.node().await;
        let discarded = within(&process, async { node.discard(letter).await }).await;
        let outcome = discarded.as_ref().ok().copied();
        let letter = Letter::of(&process.service, letter);
        self.world.history.discarded(letter, outcome);
        discarded
    }

    /// [`Node::replay`](crate::Node::replay): what is replayed must be handled by the handler that gave it up and by no
    /// other, in the order of the replays, or be a dead letter again.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn replay(
        self,
        letter: &DeadLetter,
    ) -> Result<Option<Stored>, CallError<StoreError>> {
        let (process, node) = self.node().await;
        let history = &self.world.history;
        let called = history.called();
        let replayed = within(&process, async { node.replay(letter).await }).await;
        let outcome = match &replayed {
            Ok(stored) => Ok(stored.is_some()),
            Err(CallError::Died) => Err("its node died".to_owned()),
            Err(CallError::Verb(error)) => Err(chain(error)),
        };
        let (id, number) = (letter.id(), letter.number());
        // One that no handler gave up is for whom it was before.
        let before = || letter.headers().get(REPLAY_HANDLER);
        let handler = letter.handler().or_else(before);
        history.replayed(&process.service, id, number, handler, called, outcome);
        replayed
    }

    /// Stores something for a service that its handlers cannot read, as a program might that is not
    /// catga: a payload that is none, an unknown format or an unknown type. It must become a dead
    /// letter, and nothing of its key may wait for it any longer.
    ///
    /// `message` is the name of a message of the service.
    pub async fn store_unreadable(self, message: &str, key: Option<&str>) -> MessageId {
        let (process, node) = self.node().await;
        let service = Arc::clone(&process.service);
        let (id, kind) = (MessageId::new(), self.world.broker.below(3));
        let json = ContentType::Json.as_str();
        let (name, content_type, known) = match kind {
            0 => (message.to_owned(), json, Some(message.to_owned())),
            1 => (message.to_owned(), "application/x-unknown", None),
            _ => (format!("{message}Unknown"), json, None),
        };
        let entry = Entry {
            id,
            name: name.into(),
            source: "elsewhere".into(),
            time: time_now(),
            key: key.map(Arc::from),
            content_type: content_type.into(),
            headers: Headers::new(),
            payload: Bytes::from_static(b"{"),
        };
        let part = key.map_or(Part::Shared, |key| {
            let core = node.core();
            let cluster = core.cluster.as_ref();
            let partitions = cluster.map_or(1, |cluster| cluster.settings.partitions);
            let hash = Key::from_text(key).fnv1a32();
            Part::Partition(partition_of(hash, partitions))
        });
        let history = &self.world.history;
        history.unreadable(&service, id, known);
        history.stored(
            &service,
            Enqueued::of(id, &entry.headers),
            entry.key.as_ref(),
        );
        let append = Append {
            number: 1,
            given: true,
            entry: Arc::new(entry),
        };
        let queue = Queue { service, part };
        let memory = self.world.broker.memory();
        let writer = chance::draw(|chance| chance.u64(..)) >> 1;
        memory.queues().append(&queue, writer, &[append]).await;
        id
    }
}
