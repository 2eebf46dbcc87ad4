use std::sync::Arc;

use catga::transport::{
    Ack, Acked, Append, AppendError, Appended, BoxFuture, Entry, Fetched, Generation, Opened, Part,
    Position, Queue, Queues, Release, SharedIntake, StoredLetter, Ticket, Transport,
    TransportError,
};
use tokio::time::sleep;

use super::intake::{Flow, Gate, Sent, SharedFlow};
use super::{Fault, Lie, Line};

impl Line {
    /// Does something with the queues, or not, as the line has it.
    async fn with_queues<T, F>(
        &self,
        operation: impl FnOnce(Arc<dyn Transport>) -> F + Send + 'static,
    ) -> Result<T, TransportError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, TransportError>> + Send + 'static,
    {
        let fault = self.pass(|rules| rules.queues).await?;
        let line = self.clone();
        // Which queues these are is seen once it is done, which may be later.
        let done = async move { operation(line.faults.queues()).await };
        self.done(fault, |lost| lost, done).await
    }
}

impl Queues for Line {
    fn provision<'a>(
        &'a self,
        service: &'a Arc<str>,
        partitions: u32,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let (faults, service) = (Arc::clone(&self.faults), Arc::clone(service));
            self.with_queues(move |inner| async move {
                inner.queues().provision(&service, partitions).await?;
                faults.provisioned(service, partitions);
                Ok(())
            })
            .await
        })
    }

    fn append<'a>(
        &'a self,
        queue: &'a Queue,
        writer: u64,
        entries: &'a [Append],
    ) -> BoxFuture<'a, Vec<Result<Appended, AppendError>>> {
        Box::pin(async move {
            let (queue, mut owned) = (queue.clone(), entries.to_vec());
            if self.faults.tell(Lie::AppendsLost) {
                return owned.iter().map(|_| Ok(Appended::New)).collect();
            }
            if self.faults.tell(Lie::AppendsRefused) {
                return owned.iter().map(|_| Err(AppendError::Full)).collect();
            }
            if let Some(first) = neighbours(&owned)
                && self.faults.tell(Lie::AppendsSwapped)
            {
                let entry = Arc::clone(&owned[first].entry);
                owned[first].entry = Arc::clone(&owned[first + 1].entry);
                owned[first + 1].entry = entry;
            }
            let faults = Arc::clone(&self.faults);
            let stored = self.with_queues(move |inner| async move {
                if let Part::Partition(partition) = queue.part
                    && faults.has(Lie::NumbersFromOne)
                    && inner
                        .queues()
                        .oldest(&queue.service, partition)
                        .await?
                        .is_none()
                    && faults.tell(Lie::NumbersFromOne)
                {
                    faults.sequences().forget(&queue.service, partition);
                }
                Ok(inner.queues().append(&queue, writer, &owned).await)
            });
            stored.await.unwrap_or_else(|_| {
                let lost = || Err(AppendError::Transport(Self::lost()));
                entries.iter().map(|_| lost()).collect()
            })
        })
    }

    fn open<'a>(
        &'a self,
        generation: &'a Generation,
        partitions: &'a [u32],
    ) -> BoxFuture<'a, Result<Opened, TransportError>> {
        Box::pin(async move {
            let gate = Gate::of(self);
            let (faults, owned) = (Arc::clone(&self.faults), generation.clone());
            let partitions = partitions.to_vec();
            let (opened, haunted) = self
                .with_queues(move |inner| async move {
                    let mut opened = inner.queues().open(&owned, &partitions).await?;
                    for (partition, sequence) in
                        opened.received.iter_mut().chain(&mut opened.stored)
                    {
                        let mut sequences = faults.sequences();
                        *sequence = sequences.tell(&owned.service, *partition, *sequence);
                    }
                    let ignored = faults.has(Lie::GenerationsIgnored);
                    let haunted = ignored.then(|| faults.haunt(&owned, &partitions));
                    Ok((opened, haunted))
                })
                .await?;
            Ok(Opened {
                intake: Box::new(Flow {
                    inner: opened.intake,
                    generation: generation.clone(),
                    gate,
                    haunted,
                    sent: Sent::default(),
                }),
                ..opened
            })
        })
    }

    fn close<'a>(
        &'a self,
        generation: &'a Generation,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let (faults, generation) = (Arc::clone(&self.faults), generation.clone());
            self.with_queues(move |inner| async move {
                inner.queues().close(&generation).await?;
                faults.closed(&generation);
                Ok(())
            })
            .await
        })
    }

    fn ack<'a>(
        &'a self,
        generation: &'a Generation,
        acks: &'a [Ack],
    ) -> BoxFuture<'a, Result<Acked, TransportError>> {
        Box::pin(async move {
            let faults = Arc::clone(&self.faults);
            let (generation, acks) = (generation.clone(), acks.to_vec());
            self.with_queues(move |inner| async move {
                if faults.tell(Lie::AcksLost) {
                    return Ok(Acked::Done);
                }
                let mut acked = Acked::Done;
                for (generation, acks) in faults.effective(&generation, &acks) {
                    let done = inner.queues().ack(&generation, &acks).await?;
                    if done == Acked::Sent {
                        acked = done;
                    }
                }
                Ok(acked)
            })
            .await
        })
    }

    fn fetch<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<Vec<Fetched>, TransportError>> {
        Box::pin(async move {
            let (service, mut positions) = (Arc::clone(service), positions.to_vec());
            for Position { sequence, .. } in &mut positions {
                *sequence = self.faults.sequences().own(&service, partition, *sequence);
            }
            let faults = Arc::clone(&self.faults);
            self.with_queues(move |inner| async move {
                let queues = inner.queues();
                let found = queues.fetch(&service, partition, &positions).await?;
                let fetched = |entry: Arc<Entry>| faults.fetched(&entry);
                let found = found.into_iter();
                Ok(found.map(|found| Some(found?.map(fetched))).collect())
            })
            .await
        })
    }

    fn oldest<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
    ) -> BoxFuture<'a, Result<Option<u64>, TransportError>> {
        Box::pin(async move {
            let (faults, service) = (Arc::clone(&self.faults), Arc::clone(service));
            self.with_queues(move |inner| async move {
                let oldest = inner.queues().oldest(&service, partition).await?;
                Ok(oldest.map(|oldest| faults.sequences().tell(&service, partition, oldest)))
            })
            .await
        })
    }

    fn share<'a>(
        &'a self,
        service: &'a Arc<str>,
        node: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn SharedIntake>, TransportError>> {
        Box::pin(async move {
            let gate = Gate::of(self);
            let (service, node) = (Arc::clone(service), node.to_owned());
            let shared = self.with_queues(move |inner| async move {
                inner.queues().share(&service, &node).await
            });
            let inner = shared.await?;
            Ok(Box::new(SharedFlow { inner, gate }) as Box<dyn SharedIntake>)
        })
    }

    fn extend<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let (service, tickets) = (Arc::clone(service), tickets.to_vec());
            self.with_queues(
                move |inner| async move { inner.queues().extend(&service, &tickets).await },
            )
            .await
        })
    }

    fn settle<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let faults = Arc::clone(&self.faults);
            let (service, tickets) = (Arc::clone(service), tickets.to_vec());
            self.with_queues(move |inner| async move {
                if faults.tell(Lie::AcksLost) {
                    return Ok(());
                }
                inner.queues().settle(&service, &tickets).await
            })
            .await
        })
    }

    fn give_back<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let (service, tickets) = (Arc::clone(service), tickets.to_vec());
            self.with_queues(move |inner| async move {
                inner.queues().give_back(&service, &tickets).await
            })
            .await
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
            self.pass(|rules| rules.letters).await?;
            let faults = Arc::clone(&self.faults);
            let (service, id, letter) = (Arc::clone(service), id.to_owned(), letter.clone());
            let release = release.map(Freed::from);
            self.with_queues(move |inner| async move {
                let release = release.filter(|_| !faults.tell(Lie::AcksLost));
                let effective = |(generation, ack): &(Generation, Ack)| {
                    let mut effective = faults.effective(generation, std::slice::from_ref(ack));
                    let (generation, acks) = effective.pop()?;
                    Some((generation, *acks.first()?))
                };
                let partition = match &release {
                    Some(Freed::Partition(freed)) => effective(freed),
                    _ => None,
                };
                let release = match (&partition, release) {
                    (Some((generation, ack)), _) => Some(Release::Partition(generation, *ack)),
                    (None, Some(Freed::Shared(ticket))) => Some(Release::Shared(ticket)),
                    (None, _) => None,
                };
                inner.queues().bury(&service, &id, &letter, release).await
            })
            .await
        })
    }

    fn letters<'a>(
        &'a self,
        service: &'a Arc<str>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredLetter>, TransportError>> {
        Box::pin(async move {
            let (service, fault) = (Arc::clone(service), self.rules.borrow().queues);
            let found = self.with_queues(move |inner| async move {
                inner.queues().letters(&service, after, limit).await
            });
            let found = found.await?;
            if let Fault::Delay(by) = fault {
                // As over NATS, each is asked for.
                let others = u32::try_from(found.len()).unwrap_or(u32::MAX);
                sleep(by * others.saturating_sub(1)).await;
            }
            Ok(found)
        })
    }

    fn discard<'a>(
        &'a self,
        service: &'a Arc<str>,
        number: u64,
    ) -> BoxFuture<'a, Result<bool, TransportError>> {
        Box::pin(async move {
            let service = Arc::clone(service);
            self.with_queues(
                move |inner| async move { inner.queues().discard(&service, number).await },
            )
            .await
        })
    }

    fn tap<'a>(
        &'a self,
        topic: Option<&'a str>,
        entry: &'a Entry,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let (topic, entry) = (topic.map(str::to_owned), entry.clone());
            self.with_queues(move |inner| async move {
                inner.queues().tap(topic.as_deref(), &entry).await
            })
            .await
        })
    }
}

/// A release that outlives its call.
enum Freed {
    Partition((Generation, Ack)),
    Shared(Ticket),
}

impl From<Release<'_>> for Freed {
    fn from(release: Release<'_>) -> Self {
        match release {
            Release::Partition(generation, ack) => Self::Partition((generation.clone(), ack)),
            Release::Shared(ticket) => Self::Shared(ticket),
        }
    }
}

/// The first of two neighbours, of one key where there are such.
fn neighbours(appends: &[Append]) -> Option<usize> {
    let of_one_key = |pair: &[Append]| pair[0].entry.key == pair[1].entry.key;
    let found = appends.windows(2).position(of_one_key);
    found.or((appends.len() >= 2).then_some(0))
}
