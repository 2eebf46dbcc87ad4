//! Queues and dead letters: streams, in the slot of their service.
//!
//! | key | what |
//! |---|---|
//! | `<ns>:{<service>}:q:<partition>`, `…:q:shared` | streams; an entry is deleted when it is acknowledged |
//! | `…:dead` | stream of the dead letters |
//! | `…:generations` | hash: stream → the generation that reads it, which is a group of that name |
//! | `…:writers:<queue>` | hash: writer → the last number it appended, and when |
//! | `…:seen:<queue>:<type>:<id>`, `…:letter:<id>` | what was stored; expire |
//! | `…:recent:<queue>`, `…:recent:<queue>:before` | sets of what was stored under an id from chance; expire |
//! | `…:queues` | a mark that is another one after everything was lost |
//! | `<ns>:in`, `{<ns>:in}:…` | the front door, and the same for it |
//! | `<ns>:ev:<topic or type>` | what the tap shows |
//!
//! Each step that must not be done by halves is one script. Scripts pass also when the server is
//! out of memory, but for appends, so that what frees memory is never refused.

mod append;
mod consumer;
mod entry;
mod generation;
mod intake;
mod letters;
mod pace;
mod partition;
mod reading;
mod shared;
mod stream_id;
mod tap;

use std::sync::Arc;

use super::Shared;
use super::error::Trouble;
use crate::transport::{
    Ack, Acked, Append, AppendError, Appended, BoxFuture, Entry, Fetched, Generation, Opened,
    Position, Queue, Queues, Release, SharedIntake, StoredLetter, Ticket, TransportError,
};

/// For how long an id that was stored is known.
const WINDOW_MILLIS: u64 = 120_000;

/// A script beside this file.
macro_rules! script {
    ($name:literal) => {
        LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $name, ".lua"))))
    };
}
use script;

impl Queues for Arc<Shared> {
    fn provision<'a>(
        &'a self,
        service: &'a Arc<str>,
        partitions: u32,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let made = self.make_queues(service, partitions).await;
            made.map_err(|error| TransportError::new("make the queues of a service", error))
        })
    }

    fn append<'a>(
        &'a self,
        queue: &'a Queue,
        writer: u64,
        entries: &'a [Append],
    ) -> BoxFuture<'a, Vec<Result<Appended, AppendError>>> {
        Box::pin(self.append_all(queue, writer, entries))
    }

    fn open<'a>(
        &'a self,
        generation: &'a Generation,
        partitions: &'a [u32],
    ) -> BoxFuture<'a, Result<Opened, TransportError>> {
        done("open a queue", self.open_generation(generation, partitions))
    }

    fn close<'a>(
        &'a self,
        generation: &'a Generation,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        done("close a queue", self.close_generation(generation))
    }

    fn ack<'a>(
        &'a self,
        generation: &'a Generation,
        acks: &'a [Ack],
    ) -> BoxFuture<'a, Result<Acked, TransportError>> {
        done("acknowledge", async move {
            self.acknowledge(generation, acks).await?;
            Ok(Acked::Done)
        })
    }

    fn fetch<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<Vec<Fetched>, TransportError>> {
        let fetched = self.fetch_all(service, partition, positions);
        done("read stored messages", fetched)
    }

    fn oldest<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
    ) -> BoxFuture<'a, Result<Option<u64>, TransportError>> {
        done(
            "find the oldest message",
            self.oldest_of(service, partition),
        )
    }

    fn share<'a>(
        &'a self,
        service: &'a Arc<str>,
        node: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn SharedIntake>, TransportError>> {
        done("read a shared queue", async move {
            let consumer = self.take_part(service, node).await?;
            Ok(Box::new(consumer) as Box<dyn SharedIntake>)
        })
    }

    fn extend<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        done("hide messages", self.extend_all(service, tickets))
    }

    fn settle<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        done("acknowledge", self.settle_all(service, tickets))
    }

    fn give_back<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        done("give messages back", self.give_all_back(service, tickets))
    }

    fn bury<'a>(
        &'a self,
        service: &'a Arc<str>,
        id: &'a str,
        letter: &'a Entry,
        release: Option<Release<'a>>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let written = self.write_letter(service, id, letter, release);
        done("write a dead letter", written)
    }

    fn letters<'a>(
        &'a self,
        service: &'a Arc<str>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredLetter>, TransportError>> {
        let letters = self.letters_after(service, after, limit);
        done("read dead letters", letters)
    }

    fn discard<'a>(
        &'a self,
        service: &'a Arc<str>,
        number: u64,
    ) -> BoxFuture<'a, Result<bool, TransportError>> {
        let deleted = self.delete_letter(service, number);
        done("remove a dead letter", deleted)
    }

    fn tap<'a>(
        &'a self,
        topic: Option<&'a str>,
        entry: &'a Entry,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        done("show an event", self.show(topic, entry))
    }
}

/// Says what was attempted, if it failed.
fn done<'a, T>(
    what: &'static str,
    attempt: impl Future<Output = Result<T, Trouble>> + Send + 'a,
) -> BoxFuture<'a, Result<T, TransportError>> {
    Box::pin(async move { attempt.await.map_err(|error| error.when(what)) })
}
