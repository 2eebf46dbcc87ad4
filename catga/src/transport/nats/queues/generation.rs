//! Generations: who reads which partitions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::Depot;
use super::flow::Flow;
use super::intake::Entries;
use super::shared::SHARED;
use crate::transport::nats::api::{NO_CONSUMER, NO_STREAM, OVERLAP};
use crate::transport::nats::bucket::nanos;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::stream::is;
use crate::transport::{Ack, Acked, DOOR, Generation, Opened, Part, Position};

/// What is not acknowledged for so long comes again. A generation ends with its node: this is for
/// acknowledgements that were lost.
const ACK_WAIT: Duration = Duration::from_secs(3_600);

/// How often others may come in between while they are removed.
const TRIES: u32 = 16;

/// One page of a stream's consumers.
#[derive(Deserialize)]
struct Page {
    total: usize,
    #[serde(default)]
    consumers: Option<Vec<Consumer>>,
}

#[derive(Deserialize)]
struct Consumer {
    name: String,
    config: Config,
    delivered: Delivered,
}

#[derive(Deserialize)]
struct Config {
    filter_subject: Option<String>,
    #[serde(default)]
    filter_subjects: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Delivered {
    #[serde(rename = "stream_seq")]
    sequence: u64,
}

/// `JetStream` has done what it was asked; that it answers is enough.
#[derive(Deserialize)]
pub(super) struct Done {}

impl Depot {
    pub(super) async fn begin(
        &self,
        generation: &Generation,
        partitions: &[u32],
    ) -> Result<Opened, Trouble> {
        let Generation { service, name } = generation;
        let info = self.make_queues(service).await?;
        if &**service == DOOR && self.suspects.load(Ordering::Acquire) {
            self.mend(&info).await?;
            self.suspects.store(false, Ordering::Release);
        }
        let stream = self.names.queues(service);
        let flow = Flow::start(&self.link, &stream, name).await?;
        let mut received = BTreeMap::new();
        let mut tries = TRIES;
        loop {
            self.end_others(generation, partitions, &mut received)
                .await?;
            match self.create(generation, partitions).await {
                // Another one came in between. It is not a legal one: it is removed as well.
                Err(Trouble::Refused(refused)) if OVERLAP.contains(&refused.code) && tries > 0 => {
                    tries -= 1;
                }
                created => break created?,
            }
        }
        Ok(Opened {
            stream: format!("{stream} {}", info.created).into(),
            received: received.into_iter().collect(),
            // All partitions of a service are one stream.
            stored: partitions
                .iter()
                .map(|partition| (*partition, info.state.last_sequence))
                .collect(),
            intake: Box::new(Entries {
                flow,
                names: self.names.clone(),
                service: Arc::clone(service),
                name: name.clone(),
                ended: Arc::clone(&self.ended),
                suspects: Arc::clone(&self.suspects),
            }),
        })
    }

    /// Removes every other generation that reads one of these partitions, and learns up to where
    /// it had received.
    async fn end_others(
        &self,
        generation: &Generation,
        partitions: &[u32],
        received: &mut BTreeMap<u32, u64>,
    ) -> Result<(), Trouble> {
        let service = &generation.service;
        for consumer in self.consumers(service).await? {
            if consumer.name == SHARED || consumer.name == generation.name {
                continue;
            }
            let both = partitions.iter().filter(|&&partition| {
                let subject = self.names.queue(service, Part::Partition(partition));
                consumer.reads(&subject)
            });
            let both: Vec<u32> = both.copied().collect();
            if both.is_empty() {
                continue;
            }
            self.end(service, &consumer.name).await?;
            let delivered = consumer.delivered.sequence;
            for partition in both.into_iter().filter(|_| delivered > 0) {
                let sequence = received.entry(partition).or_default();
                *sequence = delivered.max(*sequence);
            }
        }
        Ok(())
    }

    async fn consumers(&self, service: &str) -> Result<Vec<Consumer>, Trouble> {
        let what = format!("CONSUMER.LIST.{}", self.names.queues(service));
        let mut all = Vec::new();
        loop {
            let question = json!({ "offset": all.len() });
            let page: Page = self.link.api(&what, &question).await?;
            let consumers = page.consumers.unwrap_or_default();
            let is_last = consumers.is_empty() || all.len() + consumers.len() >= page.total;
            all.extend(consumers);
            if is_last {
                return Ok(all);
            }
        }
    }

    async fn create(&self, generation: &Generation, partitions: &[u32]) -> Result<(), Trouble> {
        let Generation { service, name } = generation;
        let stream = self.names.queues(service);
        let question = json!({
            "stream_name": stream,
            "config": {
                "durable_name": name,
                "name": name,
                "filter_subjects": self.filters(service, partitions),
                "deliver_policy": "all",
                "ack_policy": "explicit",
                "ack_wait": nanos(ACK_WAIT),
                "max_deliver": -1,
                "max_ack_pending": -1,
                "replay_policy": "instant",
                "num_replicas": self.link.settings().replicas,
            },
        });
        let what = format!("CONSUMER.CREATE.{stream}.{name}");
        self.link.api(&what, &question).await.map(|Done {}| ())
    }

    /// Removes a generation; afterwards nothing that is done in its name has an effect.
    pub(super) async fn end(&self, service: &str, name: &str) -> Result<(), Trouble> {
        let what = format!("CONSUMER.DELETE.{}.{name}", self.names.queues(service));
        let ended = self.link.api::<Done>(&what, &json!({})).await;
        if !is(&ended, NO_CONSUMER) && !is(&ended, NO_STREAM) {
            ended?;
        }
        self.ended.add(name);
        Ok(())
    }

    pub(super) async fn acknowledge(
        &self,
        generation: &Generation,
        acks: &[Ack],
    ) -> Result<Acked, Trouble> {
        let Generation { service, name } = generation;
        if self.ended.has(name) {
            return Err(Trouble::Unfit(format!(
                "the generation `{name}` has ended, and what it acknowledges has no effect: read from a new one"
            )));
        }
        // As the reply subject of the message was; how often it was delivered, and how many are
        // left, is not looked at.
        let mut reply = format!("$JS.ACK.{}.{name}.1.", self.names.queues(service));
        let start = reply.len();
        let replies = acks.iter().map(|ack| {
            let Position { sequence, stored } = ack.position;
            reply.truncate(start);
            // Writing to a string never fails.
            let _ = write!(reply, "{sequence}.{}.{stored}.0", ack.number);
            (
                Subject::from(&*reply),
                Bytes::from_static(super::shared::DONE),
            )
        });
        self.link.publish_all(replies.collect()).await?;
        Ok(Acked::Sent)
    }
}

impl Consumer {
    /// Whether it reads a subject.
    fn reads(&self, subject: &str) -> bool {
        let one = self.config.filter_subject.iter();
        let more = self.config.filter_subjects.iter().flatten();
        let mut filters = one
            .chain(more)
            .filter(|filter| !filter.is_empty())
            .peekable();
        filters.peek().is_none() || filters.any(|filter| overlap(filter, subject))
    }
}

/// Whether there is a subject that two filters have in common.
fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_overlap_where_a_subject_matches_both() {
        for (one, other) in [
            ("a.p.1", "a.p.1"),
            ("a.p.*", "a.p.1"),
            ("a.>", "a.p.1"),
            ("a.in.>", "a.in.>"),
            (">", "a"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a.p.1", "a.p.10"), ("a.p", "a.p.1"), ("a.p.>", "a.p")] {
            assert!(
                !overlap(one, other) && !overlap(other, one),
                "{one} {other}"
            );
        }
    }
}
