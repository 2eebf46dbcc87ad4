use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catga::transport::{
    Append, Appended, Entry, Part, Position, Queue, Queues, Received, Transport,
};

use super::entries::{ack, appended, entry, queue, text};
use super::reader::{Consumer, Reader};
use super::waits::patiently;
use crate::suite::Cluster;

/// How many partitions the service of a test has.
pub(super) const PARTITIONS: u32 = 8;

/// Who appends unless a test has several writers.
pub(super) const WRITER: u64 = 1;

/// A service with empty queues.
pub(super) struct Ground<C> {
    pub(super) cluster: C,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) service: Arc<str>,
    numbers: AtomicU64,
}

impl<C: Cluster> Ground<C> {
    pub(super) async fn new(cluster: C) -> Self {
        let transport = cluster.transport();
        transport.connect().await.unwrap();
        let ground = Self {
            cluster,
            transport,
            service: "shop".into(),
            numbers: AtomicU64::new(1),
        };
        let provisioned = ground.queues().provision(&ground.service, PARTITIONS);
        provisioned.await.unwrap();
        ground
    }

    pub(super) fn queues(&self) -> &dyn Queues {
        self.transport.queues()
    }

    pub(super) fn partition(&self, partition: u32) -> Queue {
        queue(&self.service, Part::Partition(partition))
    }

    pub(super) fn shared(&self) -> Queue {
        queue(&self.service, Part::Shared)
    }

    /// The next number of a writer.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// With the next number of the writer.
    pub(super) fn new_append(&self, entry: &Entry, given: bool) -> Append {
        Append {
            number: self.number(),
            given,
            entry: Arc::new(entry.clone()),
        }
    }

    /// Stores entries that are new.
    pub(super) async fn store(&self, queue: &Queue, entries: &[Entry]) {
        let append = |entry| self.new_append(entry, false);
        let appends: Vec<_> = entries.iter().map(append).collect();
        let stored = appended(self.queues().append(queue, WRITER, &appends).await);
        assert_eq!(stored, vec![Appended::New; entries.len()]);
    }

    /// Stores entries whose payloads are these numbers.
    pub(super) async fn fill(&self, queue: &Queue, numbers: impl IntoIterator<Item = u32>) {
        let entries: Vec<_> = numbers.into_iter().map(entry).collect();
        self.store(queue, &entries).await;
    }

    pub(super) async fn open(&self, name: &str, partitions: &[u32]) -> Reader<C> {
        Reader::open(&self.transport, &self.service, name, partitions).await
    }

    pub(super) async fn share(&self, node: &str) -> Consumer<C> {
        let intake = self.queues().share(&self.service, node).await.unwrap();
        Consumer::of(intake)
    }

    /// Waits until entries have left their queue: acknowledgements may be on their way.
    pub(super) async fn gone(&self, entries: &[&Received]) {
        for received in entries {
            let position = [received.position];
            patiently::<C>("an acknowledged entry leaves its queue", async || {
                let found = self.fetch(received.partition, &position).await;
                found[0].is_none().then_some(())
            })
            .await;
        }
    }

    /// The payloads of the entries at some positions.
    pub(super) async fn fetch(&self, partition: u32, at: &[Position]) -> Vec<Option<String>> {
        let found = self.queues().fetch(&self.service, partition, at).await;
        let found = found.unwrap().into_iter();
        let text = |entry: Result<Arc<Entry>, _>| text(&entry.unwrap());
        found.map(|found| found.map(text)).collect()
    }

    pub(super) async fn oldest(&self, partition: u32) -> Option<u64> {
        let oldest = self.queues().oldest(&self.service, partition).await;
        oldest.unwrap()
    }

    /// Waits until a partition is empty.
    pub(super) async fn empty(&self, partition: u32) {
        patiently::<C>("the partition is empty", async || {
            self.oldest(partition).await.is_none().then_some(())
        })
        .await;
    }

    /// Acknowledges entries and waits until they have left.
    pub(super) async fn ack(&self, reader: &Reader<C>, entries: &[&Received]) {
        let acks: Vec<_> = entries.iter().map(|received| ack(received)).collect();
        let done = self.queues().ack(&reader.generation, &acks).await;
        done.unwrap();
        self.gone(entries).await;
    }
}
