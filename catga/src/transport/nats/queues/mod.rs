//! Queues of stored messages, in streams.
//!
//! | stream | what |
//! |---|---|
//! | `<ns>_q_<service>` | a service's queues: `<ns>.q.<service>.p.<partition>` and `<ns>.q.<service>.shared` |
//! | `<ns>_in` | the front door, `<ns>.in.<type>` |
//! | `<ns>_dead` | all dead letters, `<ns>.dead.<service>` |
//!
//! A [`generation`] is a consumer of the first or the second. `JetStream` lets no two consumers of
//! such a stream share a subject, and what is acknowledged to one that was deleted has no effect:
//! whoever has created the consumer has the partitions to itself. A consumer is never changed and
//! its name is never used again.

mod append;
mod ended;
mod entry;
mod flow;
mod generation;
mod intake;
mod letters;
mod mend;
mod read;
mod shared;
mod streams;
mod subject;
mod tap;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::link::Link;
use super::names::Names;
use crate::transport::{
    Ack, Acked, Append, AppendError, Appended, BoxFuture, Entry, Generation, Malformed, Opened,
    Position, Queue, Queues, Release, SharedIntake, StoredLetter, Ticket, TransportError,
};
use ended::Ended;

/// An entry, or what stands where one should be.
type Found = Result<Arc<Entry>, Malformed>;

/// The queues of one namespace.
pub(super) struct Depot {
    names: Names,
    link: Arc<Link>,
    /// How many partitions each service has.
    partitions: Mutex<HashMap<Arc<str>, u32>>,
    /// Whether the stream of dead letters was there when it was last asked for.
    has_dead: AtomicBool,
    ended: Arc<Ended>,
    /// Whether something at the front door may have broken the connection.
    suspects: Arc<AtomicBool>,
}

impl Depot {
    pub(super) fn new(names: Names, link: Arc<Link>) -> Self {
        Self {
            names,
            link,
            partitions: Mutex::default(),
            has_dead: AtomicBool::new(false),
            ended: Arc::default(),
            suspects: Arc::default(),
        }
    }
}

impl Queues for Depot {
    fn provision<'a>(
        &'a self,
        service: &'a Arc<str>,
        partitions: u32,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let made = self.make(service, partitions).await;
            made.map_err(|trouble| trouble.when("make the queues of a service"))
        })
    }

    fn append<'a>(
        &'a self,
        queue: &'a Queue,
        _writer: u64,
        entries: &'a [Append],
    ) -> BoxFuture<'a, Vec<Result<Appended, AppendError>>> {
        Box::pin(self.append_all(queue, entries))
    }

    fn open<'a>(
        &'a self,
        generation: &'a Generation,
        partitions: &'a [u32],
    ) -> BoxFuture<'a, Result<Opened, TransportError>> {
        Box::pin(async move {
            let opened = self.begin(generation, partitions).await;
            opened.map_err(|trouble| trouble.when("read partitions of a service"))
        })
    }

    fn close<'a>(
        &'a self,
        generation: &'a Generation,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let ended = self.end(&generation.service, &generation.name).await;
            ended.map_err(|trouble| trouble.when("stop reading partitions of a service"))
        })
    }

    fn ack<'a>(
        &'a self,
        generation: &'a Generation,
        acks: &'a [Ack],
    ) -> BoxFuture<'a, Result<Acked, TransportError>> {
        Box::pin(async move {
            let sent = self.acknowledge(generation, acks).await;
            sent.map_err(|trouble| trouble.when("acknowledge messages"))
        })
    }

    fn fetch<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<Vec<Option<Found>>, TransportError>> {
        Box::pin(async move {
            let read = self.read_again(service, partition, positions).await;
            read.map_err(|trouble| trouble.when("read messages again"))
        })
    }

    fn oldest<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
    ) -> BoxFuture<'a, Result<Option<u64>, TransportError>> {
        Box::pin(async move {
            let oldest = self.first(service, partition).await;
            oldest.map_err(|trouble| trouble.when("say what is the oldest message"))
        })
    }

    fn share<'a>(
        &'a self,
        service: &'a Arc<str>,
        _node: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn SharedIntake>, TransportError>> {
        Box::pin(async move {
            let joined = self.join(service).await;
            let joined = joined.map_err(|trouble| trouble.when("read a shared queue"))?;
            Ok(Box::new(joined) as Box<dyn SharedIntake>)
        })
    }

    fn extend<'a>(
        &'a self,
        _service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let told = self.tell(tickets, shared::AT_WORK).await;
            told.map_err(|trouble| trouble.when("say that a handler is still at work"))
        })
    }

    fn settle<'a>(
        &'a self,
        _service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let told = self.tell(tickets, shared::DONE).await;
            told.map_err(|trouble| trouble.when("acknowledge messages"))
        })
    }

    fn give_back<'a>(
        &'a self,
        _service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let told = self.tell(tickets, shared::NOT_DONE).await;
            told.map_err(|trouble| trouble.when("give messages back"))
        })
    }

    fn bury<'a>(
        &'a self,
        service: &'a Arc<str>,
        id: &'a str,
        letter: &'a Entry,
        release: Option<Release<'a>>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let buried = self.write_letter(service, id, letter, release).await;
            buried.map_err(|trouble| trouble.when("write a dead letter"))
        })
    }

    fn letters<'a>(
        &'a self,
        service: &'a Arc<str>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredLetter>, TransportError>> {
        Box::pin(async move {
            let read = self.read_letters(service, after, limit).await;
            read.map_err(|trouble| trouble.when("read dead letters"))
        })
    }

    fn discard<'a>(
        &'a self,
        service: &'a Arc<str>,
        number: u64,
    ) -> BoxFuture<'a, Result<bool, TransportError>> {
        Box::pin(async move {
            let removed = self.remove_letter(service, number).await;
            removed.map_err(|trouble| trouble.when("remove a dead letter"))
        })
    }

    fn tap<'a>(
        &'a self,
        topic: Option<&'a str>,
        entry: &'a Entry,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let told = self.tell_others(topic, entry).await;
            told.map_err(|trouble| trouble.when("tell of an event"))
        })
    }
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Depot").finish_non_exhaustive()
    }
}
