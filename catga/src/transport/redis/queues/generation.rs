use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use super::intake::Partitions;
use super::reading::Reading;
use super::script;
use super::stream_id::StreamId;
use crate::message::chance;
use crate::transport::redis::Shared;
use crate::transport::redis::call::{Call, Script};
use crate::transport::redis::error::Trouble;
use crate::transport::{Ack, Generation, Opened};

static OPEN: LazyLock<Script> = script!("open");
static CLOSE: LazyLock<Script> = script!("close");
static ACK: LazyLock<Script> = script!("ack");

impl Shared {
    pub(super) async fn open_generation(
        &self,
        generation: &Generation,
        partitions: &[u32],
    ) -> Result<Opened, Trouble> {
        let service = &generation.service;
        // First the connection: without one, what reads now is left alone.
        let reading = Reading::new(self.commands.separate(&self.mark_of(service)).await?);
        let partitions = BTreeSet::from_iter(partitions);
        let streams: Vec<_> = partitions
            .into_iter()
            .map(|partition| (self.names.partition(service, *partition), *partition))
            .collect();
        let mut keys = vec![self.mark_of(service), self.generations_of(service)];
        keys.extend(streams.iter().map(|(stream, _)| stream.clone()));
        let mut call = Call::new(&OPEN, &keys);
        call.arg(new_mark()).arg(&generation.name);
        type Ids = Vec<(String, String)>;
        let opened: (String, Ids, Ids) = self.commands.call(&call).await?;
        let (mark, destroyed, newest) = opened;
        let stream: Arc<str> = mark.into();
        let mut received = BTreeMap::<u32, u64>::new();
        for (key, last) in destroyed {
            if let Some(partition) = self.names.partition_of(service, &key)
                && let Some(id) = StreamId::parse(last.as_bytes())
            {
                // There is one generation; should there be more, the one that came furthest.
                let known = received.entry(partition).or_default();
                *known = id.sequence().max(*known);
            }
        }
        let stored = newest.into_iter().filter_map(|(key, newest)| {
            let partition = self.names.partition_of(service, &key)?;
            Some((partition, StreamId::parse(newest.as_bytes())?.sequence()))
        });
        let stored = stored.collect();
        Ok(Opened {
            intake: Box::new(Partitions::new(reading, generation, streams, &stream)),
            stream,
            received: received.into_iter().collect(),
            stored,
        })
    }

    pub(super) async fn close_generation(&self, generation: &Generation) -> Result<(), Trouble> {
        let mut call = Call::new(&CLOSE, &[self.generations_of(&generation.service)]);
        call.arg(&generation.name);
        self.commands.call(&call).await
    }

    pub(super) async fn acknowledge(
        &self,
        generation: &Generation,
        acks: &[Ack],
    ) -> Result<(), Trouble> {
        let mut partitions = BTreeMap::<u32, Vec<String>>::new();
        for ack in acks {
            let id = StreamId::of_position(&ack.position);
            let ids = partitions.entry(ack.partition).or_default();
            ids.push(id.to_string());
        }
        let service = &generation.service;
        let keys: Vec<_> = partitions
            .keys()
            .map(|partition| self.names.partition(service, *partition))
            .collect();
        let mut call = Call::new(&ACK, &keys);
        call.arg(&generation.name);
        for ids in partitions.values() {
            call.arg(ids.len()).arg(ids);
        }
        self.commands.call(&call).await
    }

    /// The key of the mark that is another one after the queues were lost.
    pub(super) fn mark_of(&self, service: &str) -> String {
        self.names.service(service, "queues")
    }

    fn generations_of(&self, service: &str) -> String {
        self.names.service(service, "generations")
    }
}

/// A mark for queues that have none.
pub(super) fn new_mark() -> String {
    chance::draw(|chance| format!("{:016x}", chance.u64(..)))
}
