//! What a generation reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::Message;

use super::ended::Ended;
use super::entry::{self, Defaults};
use super::flow::{Demand, Flow, State, Step};
use crate::transport::nats::headers;
use crate::transport::nats::names::Names;
use crate::transport::nats::reply_info::ReplyInfo;
use crate::transport::{BoxFuture, DOOR, Intake, Position, Received, Taken};

/// How many messages are on their way or wait to be taken.
pub(super) const AHEAD: Demand = Demand {
    low: 500,
    high: 1_000,
};

/// The entries of one generation.
pub(super) struct Entries {
    pub(super) flow: Flow,
    pub(super) names: Names,
    pub(super) service: Arc<str>,
    /// The name of the generation.
    pub(super) name: String,
    pub(super) ended: Arc<Ended>,
    pub(super) suspects: Arc<AtomicBool>,
}

impl Entries {
    fn received(&self, message: Message) -> Option<Received> {
        let reply = ReplyInfo::parse(message.reply.as_deref()?)?;
        let position = Position {
            sequence: reply.sequence,
            stored: reply.time,
        };
        let defaults = Defaults::of(&self.names, &self.service, &message.subject, position);
        let entry = entry::read(headers::all(&message), message.payload.clone(), defaults);
        Some(Received {
            partition: Names::partition_of(&self.service, &message.subject),
            position,
            number: reply.number,
            entry,
        })
    }
}

impl Intake for Entries {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(async move {
            let first = match self.flow.next(AHEAD).await {
                Some(Step::Message(message)) => message,
                Some(Step::Idle(last)) => return Some(Taken::Idle { last }),
                None => {
                    match self.flow.state() {
                        State::Deleted => self.ended.add(&self.name),
                        // The reason may stand at the door.
                        _ if &*self.service == DOOR => self.suspects.store(true, Ordering::Release),
                        _ => {}
                    }
                    return None;
                }
            };
            let mut entries = vec![self.received(first)?];
            while entries.len() < room {
                match self.flow.ready() {
                    Some(Step::Message(message)) => entries.push(self.received(message)?),
                    // What was sent before it came before it.
                    Some(Step::Idle(_)) => {}
                    None => break,
                }
            }
            Some(Taken::Entries(entries))
        })
    }
}
