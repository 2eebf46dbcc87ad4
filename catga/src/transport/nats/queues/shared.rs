//! Shared queues: one consumer for all nodes of a service.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::{Message, Subject};
use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;

use super::Depot;
use super::entry;
use super::flow::{Demand, Flow, Step};
use super::generation::Done;
use crate::transport::nats::bucket::nanos;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers::{self, Outgoing};
use crate::transport::nats::reply_info::ReplyInfo;
use crate::transport::{BoxFuture, DOOR, Position, Shared, SharedIntake, Ticket, VISIBILITY};

/// The consumer. No generation has this name.
pub(super) const SHARED: &str = "shared";

/// An entry was handled.
pub(super) const DONE: &[u8] = b"+ACK";
/// Its handler is at work.
pub(super) const AT_WORK: &[u8] = b"+WPI";
/// Somebody else shall have it, at once.
pub(super) const NOT_DONE: &[u8] = b"-NAK";

/// What came and was not taken within this time is left to others: it is about to be theirs.
const FRESH: Duration = Duration::from_secs(VISIBILITY.as_secs() / 2);

/// The entries of a shared queue that one node takes.
pub(super) struct Takings {
    flow: Flow,
    /// What came and was not taken yet, and since when it may have been there.
    waiting: VecDeque<(Instant, Message)>,
    /// When it was looked what has come.
    looked: Instant,
}

impl Depot {
    pub(super) async fn join(&self, service: &str) -> Result<Takings, Trouble> {
        if service == DOOR {
            return Err(Trouble::Unfit("the front door has no shared queue".into()));
        }
        self.make_queues(service).await?;
        let stream = self.names.queues(service);
        let flow = Flow::start(&self.link, &stream, SHARED).await?;
        let question = json!({
            "stream_name": stream,
            "config": {
                "durable_name": SHARED,
                "name": SHARED,
                "filter_subjects": [self.names.shared(service)],
                "deliver_policy": "all",
                "ack_policy": "explicit",
                "ack_wait": nanos(VISIBILITY),
                "max_deliver": -1,
                "max_ack_pending": -1,
                "replay_policy": "instant",
                "num_replicas": self.link.settings().replicas,
            },
        });
        // One that is there with other settings gets these.
        let what = format!("CONSUMER.CREATE.{stream}.{SHARED}");
        let Done {} = self.link.api(&what, &question).await?;
        Ok(Takings {
            flow,
            waiting: VecDeque::new(),
            looked: Instant::now(),
        })
    }

    /// Tells the consumer about entries. The server takes what one connection says in order: once
    /// it has answered the last, it has taken all.
    pub(super) async fn tell(
        &self,
        tickets: &[Ticket],
        what: &'static [u8],
    ) -> Result<(), Trouble> {
        let Some((last, others)) = tickets.split_last() else {
            return Ok(());
        };
        let what = Bytes::from_static(what);
        let others = others
            .iter()
            .map(|ticket| (Subject::from(&*ticket.token), what.clone()));
        self.link.publish_all(others.collect()).await?;
        let last = Subject::from(&*last.token);
        self.link
            .ask(last, Outgoing::default(), what)
            .await
            .map(drop)
    }
}

impl Takings {
    /// Looks what has come.
    fn look(&mut self) {
        let since = std::mem::replace(&mut self.looked, Instant::now());
        while let Some(step) = self.flow.ready() {
            if let Step::Message(message) = step {
                self.waiting.push_back((since, message));
            }
        }
        self.waiting.retain(|(since, _)| since.elapsed() < FRESH);
    }
}

impl SharedIntake for Takings {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Vec<Shared>>> {
        Box::pin(async move {
            // No more than is taken: what waits here is hidden from the others.
            let room = room.max(1);
            let demand = Demand {
                low: room as u64 / 2,
                high: room as u64,
            };
            self.look();
            while self.waiting.is_empty() {
                let step = self.flow.next(demand).await?;
                self.looked = Instant::now();
                if let Step::Message(message) = step {
                    self.waiting.push_back((self.looked, message));
                }
                self.look();
            }
            let room = room.min(self.waiting.len());
            let taken = self.waiting.drain(..room);
            taken.map(|(_, message)| shared(message)).collect()
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Vec<Shared>> {
        Box::pin(async move {
            self.look();
            let waiting = self.waiting.into_iter().map(|(_, message)| message);
            let all = waiting.chain(self.flow.close().await);
            all.filter_map(shared).collect()
        })
    }
}

fn shared(message: Message) -> Option<Shared> {
    let token = message.reply.as_deref()?;
    let reply = ReplyInfo::parse(token)?;
    Some(Shared {
        ticket: Ticket {
            position: Position {
                sequence: reply.sequence,
                stored: reply.time,
            },
            token: token.into(),
        },
        taken: u32::try_from(reply.deliveries).unwrap_or(u32::MAX),
        entry: entry::read(headers::all(&message), message.payload.clone(), None),
    })
}
