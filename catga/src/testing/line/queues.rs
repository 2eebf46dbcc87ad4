use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Line;
use super::intake::{Entries, SharedEntries};
use crate::delivery::is_of_unknown_type;
use crate::testing::enqueued::Enqueued;
use crate::transport::{
    Ack, Acked, Append, AppendError, Appended, BoxFuture, Entry, Generation, Intake, Malformed,
    Opened, Position, Queue, Queues, Release, SharedIntake, StoredLetter, Ticket, Transport,
    TransportError,
};

type Fetched = Vec<Option<Result<Arc<Entry>, Malformed>>>;

impl Queues for Line {
    fn provision<'a>(
        &'a self,
        service: &'a Arc<str>,
        partitions: u32,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("provision", async move {
            memory.queues().provision(service, partitions).await
        }))
    }

    fn append<'a>(
        &'a self,
        queue: &'a Queue,
        writer: u64,
        entries: &'a [Append],
    ) -> BoxFuture<'a, Vec<Result<Appended, AppendError>>> {
        Box::pin(async move {
            // The connection may be cut in the middle of a batch: behind the first entries.
            let kept = entries.len() - self.cut(entries.len());
            let done = self
                .carry("append", std::convert::identity, || {
                    let broker = Arc::clone(&self.broker);
                    let (queue, entries) = (queue.clone(), entries[..kept].to_vec());
                    Box::pin(async move {
                        let memory = broker.memory();
                        let answers = memory.queues().append(&queue, writer, &entries).await;
                        for (append, answer) in entries.iter().zip(&answers) {
                            let entry = &append.entry;
                            if matches!(answer, Ok(Appended::New)) {
                                let history = &broker.history;
                                let stored = Enqueued::of(entry.id, &entry.headers);
                                history.stored(&queue.service, stored, entry.key.as_ref());
                            }
                        }
                        Ok(answers)
                    })
                })
                .await;
            let in_doubt = || Err(AppendError::Transport(super::lost()));
            let mut answers = done.unwrap_or_default();
            // Of what was stored, not every answer may have come back.
            if kept < entries.len() {
                answers.truncate(self.broker.below(kept + 1));
            }
            answers.extend((answers.len()..entries.len()).map(|_| in_doubt()));
            answers
        })
    }

    fn open<'a>(
        &'a self,
        generation: &'a Generation,
        partitions: &'a [u32],
    ) -> BoxFuture<'a, Result<Opened, TransportError>> {
        Box::pin(async move {
            let flow = self.flow();
            let mut opened = self
                .carry("open a generation", std::convert::identity, || {
                    let line = self.clone();
                    let (generation, partitions) = (generation.clone(), partitions.to_vec());
                    Box::pin(async move {
                        let history = &line.broker.history;
                        let name = &generation.name;
                        history.note(format_args!(
                            "{} opens {name} on {partitions:?}",
                            line.process
                        ));
                        let memory = line.broker.memory();
                        memory.queues().open(&generation, &partitions).await
                    })
                })
                .await?;
            opened.intake = Box::new(Entries::new(flow, opened.intake)) as Box<dyn Intake>;
            Ok(opened)
        })
    }

    fn close<'a>(
        &'a self,
        generation: &'a Generation,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(
            self.carry("close a generation", std::convert::identity, || {
                let (memory, generation) = (self.broker.memory(), generation.clone());
                Box::pin(async move { memory.queues().close(&generation).await })
            }),
        )
    }

    fn ack<'a>(
        &'a self,
        generation: &'a Generation,
        acks: &'a [Ack],
    ) -> BoxFuture<'a, Result<Acked, TransportError>> {
        let memory = self.broker.memory();
        let (generation, acks) = (generation.clone(), acks.to_vec());
        if let Some(by) = self.broker.ack_later() {
            return Box::pin(self.ack_later(by, generation, acks));
        }
        Box::pin(self.carry("acknowledge", std::convert::identity, move || {
            let (memory, generation, acks) = (memory.clone(), generation.clone(), acks.clone());
            Box::pin(async move { memory.queues().ack(&generation, &acks).await })
        }))
    }

    fn fetch<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<Fetched, TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("fetch", async move {
            memory.queues().fetch(service, partition, positions).await
        }))
    }

    fn oldest<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
    ) -> BoxFuture<'a, Result<Option<u64>, TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("look at a queue", async move {
            memory.queues().oldest(service, partition).await
        }))
    }

    fn share<'a>(
        &'a self,
        service: &'a Arc<str>,
        node: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn SharedIntake>, TransportError>> {
        Box::pin(async move {
            let (flow, memory) = (self.flow(), self.broker.memory());
            let share = async { memory.queues().share(service, node).await };
            let inner = self.carry_once("share a queue", share).await?;
            Ok(Box::new(SharedEntries { flow, inner }) as Box<dyn SharedIntake>)
        })
    }

    fn extend<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("extend", async move {
            memory.queues().extend(service, tickets).await
        }))
    }

    fn settle<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(self.carry("settle", std::convert::identity, || {
            let memory = self.broker.memory();
            let (service, tickets) = (Arc::clone(service), tickets.to_vec());
            Box::pin(async move { memory.queues().settle(&service, &tickets).await })
        }))
    }

    fn give_back<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("give back", async move {
            memory.queues().give_back(service, tickets).await
        }))
    }

    fn bury<'a>(
        &'a self,
        service: &'a Arc<str>,
        id: &'a str,
        letter: &'a Entry,
        release: Option<Release<'a>>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let release = release.map(Grave::of);
        Box::pin(self.carry("bury", std::convert::identity, move || {
            let (memory, line) = (self.broker.memory(), self.clone());
            let (service, id) = (Arc::clone(service), id.to_owned());
            let (letter, release) = (letter.clone(), release.clone());
            Box::pin(async move {
                let release = release.as_ref().map(Grave::release);
                let bury = memory.queues().bury(&service, &id, &letter, release);
                bury.await?;
                if is_of_unknown_type(&letter) {
                    line.broker
                        .history
                        .buried_as_unknown(&line.process, &letter);
                }
                Ok(())
            })
        }))
    }

    fn letters<'a>(
        &'a self,
        service: &'a Arc<str>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredLetter>, TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("read dead letters", async move {
            memory.queues().letters(service, after, limit).await
        }))
    }

    fn discard<'a>(
        &'a self,
        service: &'a Arc<str>,
        number: u64,
    ) -> BoxFuture<'a, Result<bool, TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once("discard a dead letter", async move {
            memory.queues().discard(service, number).await
        }))
    }

    fn tap<'a>(
        &'a self,
        topic: Option<&'a str>,
        entry: &'a Entry,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let memory = self.broker.memory();
        Box::pin(self.carry_once(
            "tap",
            async move { memory.queues().tap(topic, entry).await },
        ))
    }
}

impl Line {
    /// Sends acknowledgements that nobody answers. What is on its way when the connection breaks, or
    /// when its generation is destroyed, is lost: whoever reads then reads anew.
    async fn ack_later(
        &self,
        by: Duration,
        generation: Generation,
        acks: Vec<Ack>,
    ) -> Result<Acked, TransportError> {
        self.set_out().await?;
        let (memory, process) = (self.broker.memory(), Arc::clone(&self.process));
        let breaks = process.breaks();
        tokio::spawn(async move {
            sleep(by).await;
            if process.breaks() == breaks {
                // The one who waits for it looks at its queue.
                let _ = memory.queues().ack(&generation, &acks).await;
            }
        });
        Ok(Acked::Sent)
    }
}

/// A [`Release`] of one's own.
#[derive(Debug, Clone)]
enum Grave {
    Partition(Generation, Ack),
    Shared(Ticket),
}

impl Grave {
    fn of(release: Release<'_>) -> Self {
        match release {
            Release::Partition(generation, ack) => Self::Partition(generation.clone(), ack),
            Release::Shared(ticket) => Self::Shared(ticket),
        }
    }

    fn release(&self) -> Release<'_> {
        match self {
            Self::Partition(generation, ack) => Release::Partition(generation, *ack),
            Self::Shared(ticket) => Release::Shared(ticket.clone()),
        }
    }
}
