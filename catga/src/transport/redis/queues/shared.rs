//! The shared queue of a service: one group, in which each node is a consumer.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use super::consumer::{Consumer, GivenBack};
use super::reading::Reading;
use super::script;
use super::stream_id::StreamId;
use crate::transport::redis::Shared;
use crate::transport::redis::call::{Call, Script};
use crate::transport::redis::error::Trouble;
use crate::transport::redis::link::Channel;
use crate::transport::{Part, Queue, Ticket, VISIBILITY};

static SHARE: LazyLock<Script> = script!("share");
static EXTEND: LazyLock<Script> = script!("extend");
static SETTLE: LazyLock<Script> = script!("settle");
static GIVE_BACK: LazyLock<Script> = script!("give_back");

/// The group that reads shared queues.
pub(super) const GROUP: &str = "shared";

/// Who has what was given back. No node has this name.
const NOBODY: &str = "(given back)";

/// A consumer that has asked for nothing for so long is forgotten.
const FORGET: Duration = Duration::from_secs(600);

/// Tells deliveries of one entry apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// Which of them it is, counted from 1.
    pub(super) delivery: u32,
    pub(super) consumer: &'a str,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.delivery, self.consumer)
    }
}

impl<'a> Token<'a> {
    /// `None` if it is not one of this transport.
    fn parse(text: &'a str) -> Option<Self> {
        let (delivery, consumer) = text.split_once(' ')?;
        let delivery = delivery.parse().ok()?;
        Some(Self { delivery, consumer })
    }
}

impl Shared {
    pub(super) fn shared_stream(&self, service: &Arc<str>) -> String {
        self.names.queue(&Queue {
            service: Arc::clone(service),
            part: Part::Shared,
        })
    }

    /// Makes the group, if it is not there.
    pub(super) async fn make_group(&self, stream: &str) -> Result<(), Trouble> {
        let mut call = Call::new(&SHARE, &[stream.to_owned()]);
        call.arg(GROUP).arg(FORGET.as_millis().to_string());
        self.commands.call(&call).await
    }

    pub(super) async fn take_part(
        &self,
        service: &Arc<str>,
        node: &str,
    ) -> Result<Consumer, Trouble> {
        let stream = self.shared_stream(service);
        self.make_group(&stream).await?;
        // First the channel, then the first look: nothing that is given back is missed.
        let given_back = Arc::<GivenBack>::default();
        let told = Arc::clone(&given_back);
        let this = node.to_owned();
        let channel = Channel::Exactly(self.names.given_back(service));
        let deliver = move |_: &str, by: Bytes| {
            let by_this = *by == *this.as_bytes();
            let told = if by_this {
                &told.by_this
            } else {
                &told.by_others
            };
            told.notify_one();
        };
        let listening = self.link.listen(channel, Box::new(deliver));
        let commands = Arc::clone(&self.commands);
        let reading = Reading::new(self.commands.separate(&stream).await?);
        let listening = listening.await?;
        Ok(Consumer::new(
            commands, reading, stream, node, listening, given_back,
        ))
    }

    pub(super) async fn extend_all(
        &self,
        service: &Arc<str>,
        tickets: &[Ticket],
    ) -> Result<(), Trouble> {
        let mut call = Call::new(&EXTEND, &[self.shared_stream(service)]);
        call.arg(GROUP);
        for (id, token) in deliveries(tickets) {
            call.arg(id).arg(token.consumer).arg(token.delivery);
        }
        self.commands.call(&call).await
    }

    pub(super) async fn settle_all(
        &self,
        service: &Arc<str>,
        tickets: &[Ticket],
    ) -> Result<(), Trouble> {
        let mut call = Call::new(&SETTLE, &[self.shared_stream(service)]);
        call.arg(GROUP);
        for ticket in tickets {
            call.arg(StreamId::of_position(&ticket.position).to_string());
        }
        self.commands.call(&call).await
    }

    pub(super) async fn give_all_back(
        &self,
        service: &Arc<str>,
        tickets: &[Ticket],
    ) -> Result<(), Trouble> {
        let mut call = Call::new(&GIVE_BACK, &[self.shared_stream(service)]);
        call.arg(GROUP)
            .arg(NOBODY)
            .arg(VISIBILITY.as_millis().to_string());
        call.arg(self.names.given_back(service));
        for (id, token) in deliveries(tickets) {
            call.arg(id).arg(token.consumer).arg(token.delivery);
        }
        self.commands.call(&call).await
    }
}

/// Deliveries by the ids of their entries.
fn deliveries(tickets: &[Ticket]) -> impl Iterator<Item = (String, Token<'_>)> {
    tickets.iter().filter_map(|ticket| {
        let id = StreamId::of_position(&ticket.position).to_string();
        Some((id, Token::parse(&ticket.token)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_which_delivery() {
        let token = Token {
            delivery: 2,
            consumer: "shop-1 with spaces",
        };
        let text = token.to_string();
        assert_eq!(Token::parse(&text), Some(token));
        assert_eq!(Token::parse("7"), None);
    }
}
