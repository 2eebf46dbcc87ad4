use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use redis::Value;

use super::entry::{Door, Fields, read};
use super::pace::Pace;
use super::reading::{Reading, stored, streams};
use crate::transport::{BoxFuture, DOOR, Generation, Intake, Received, Taken};

/// The flow of entries to one generation: its group reads all streams with one command.
///
/// Redis loses nothing on the way, and a group is never told of an entry twice, so the numbers
/// have no gaps: what is missing is a connection that broke, and ends this.
pub(super) struct Partitions {
    reading: Reading,
    group: String,
    streams: Vec<String>,
    partitions: HashMap<Vec<u8>, u32>,
    /// The identity of the queues, if it is the door: what is missing in entries follows from it.
    door: Option<Arc<str>>,
    pace: Pace,
    /// What was read and not yet handed out.
    waiting: VecDeque<Received>,
    number: u64,
}

impl Partitions {
    pub(super) fn new(
        reading: Reading,
        generation: &Generation,
        streams: Vec<(String, u32)>,
        stream: &Arc<str>,
    ) -> Self {
        let partitions = streams.iter();
        Self {
            reading,
            group: generation.name.clone(),
            partitions: partitions
                .map(|(stream, partition)| (stream.clone().into_bytes(), *partition))
                .collect(),
            door: (&*generation.service == DOOR).then(|| Arc::clone(stream)),
            pace: Pace::new(streams.len()),
            streams: streams.into_iter().map(|(stream, _)| stream).collect(),
            waiting: VecDeque::new(),
            number: 0,
        }
    }

    fn take(&mut self, answer: Value) {
        let (mut active, mut bytes) = (0, 0);
        let before = self.waiting.len();
        for (stream, entries) in streams(answer) {
            let Value::BulkString(stream) = stream else {
                continue;
            };
            let Some(partition) = self.partitions.get(&stream).copied() else {
                continue;
            };
            active += 1;
            for (id, fields) in entries.into_iter().filter_map(stored) {
                let fields = Fields::of(fields);
                bytes += fields.size();
                let door = self.door.as_deref().map(|stream| Door { stream, id });
                self.number += 1;
                self.waiting.push_back(Received {
                    partition,
                    position: id.position(),
                    number: self.number,
                    entry: read(fields, door),
                });
            }
        }
        self.pace.took(active, self.waiting.len() - before, bytes);
    }
}

impl Intake for Partitions {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(async move {
            while self.waiting.is_empty() {
                let count = self.pace.count(room);
                // The group has one consumer.
                let read = self
                    .reading
                    .read(&self.group, &self.group, &self.streams, count);
                match read.await {
                    Ok(answer) => self.take(answer),
                    Err(error) => {
                        tracing::debug!(target: "catga", generation = %self.group, %error, "an intake has ended");
                        return None;
                    }
                }
            }
            let count = room.min(self.waiting.len());
            Some(Taken::Entries(self.waiting.drain(..count).collect()))
        })
    }
}
