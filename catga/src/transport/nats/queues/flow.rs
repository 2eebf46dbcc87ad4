//! The messages of a consumer: asked for in advance, so that the next ones are on their way.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{Either, FutureExt as _, select};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::transport::nats::bucket::nanos;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers;
use crate::transport::nats::link::Link;

/// How long the server keeps a request for messages.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often it says that there are none.
const IDLE: Duration = Duration::from_secs(2);

/// A server that says nothing for so long has lost the request.
const SILENCE: Duration = Duration::from_secs(7);

/// How long what is on its way may take at the end.
const REST: Duration = Duration::from_secs(2);

/// How many bytes are asked for at once.
const BYTES: usize = 16 * 1_024 * 1_024;

const NO_MESSAGES: u16 = 404;
const EXPIRED: u16 = 408;
const CONFLICT: u16 = 409;

/// What of a request was not sent when it ended.
const LEFT: &str = "Nats-Pending-Messages";

/// The messages that one consumer is sent.
pub(super) struct Flow {
    link: Arc<Link>,
    /// Where messages are asked for.
    subject: String,
    inbox: String,
    messages: Subscriber,
    breaks: watch::Receiver<u64>,
    /// How many messages were asked for and have not come.
    outstanding: u64,
    /// When something came, or was asked for, last.
    heard: Instant,
    state: State,
}

/// How a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// Start another one.
    Broken,
    /// The consumer is gone.
    Deleted,
}

/// What comes.
pub(super) enum Step {
    Message(Message),
    /// Nothing more was sent than up to this number.
    Idle(u64),
}

/// How much is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// With fewer than this, more are asked for …
    pub(super) low: u64,
    /// … up to this many.
    pub(super) high: u64,
}

impl Flow {
    /// Listens. Nothing is asked for yet.
    pub(super) async fn start(
        link: &Arc<Link>,
        stream: &str,
        consumer: &str,
    ) -> Result<Self, Trouble> {
        let breaks = link.breaks();
        let inbox = link.client().await?.new_inbox();
        let messages = link.subscribe(inbox.clone()).await?;
        Ok(Self {
            link: Arc::clone(link),
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
            inbox,
            messages,
            breaks,
            outstanding: 0,
            heard: Instant::now(),
            state: State::Open,
        })
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// What comes next; `None` once there is nothing more. Cancel safe.
    pub(super) async fn next(&mut self, demand: Demand) -> Option<Step> {
        loop {
            if self.state != State::Open {
                return None;
            }
            if self.breaks.has_changed().unwrap_or(true) {
                self.state = State::Broken;
                return None;
            }
            self.ask(demand).await;
            let message = {
                let broken = std::pin::pin!(async {
                    let silent = std::pin::pin!(sleep_until(self.heard + SILENCE));
                    select(std::pin::pin!(self.breaks.changed()), silent).await;
                });
                match select(self.messages.next(), broken).await {
                    Either::Left((message, _)) => message,
                    Either::Right(_) => None,
                }
            };
            let Some(message) = message else {
                self.state = State::Broken;
                return None;
            };
            if let Some(step) = self.take(message) {
                return Some(step);
            }
        }
    }

    /// What has come; does not wait.
    pub(super) fn ready(&mut self) -> Option<Step> {
        while self.state == State::Open {
            let message = self.messages.next().now_or_never()??;
            if let Some(step) = self.take(message) {
                return Some(step);
            }
        }
        None
    }

    /// Asks for nothing more; what is on its way comes. The server sends nothing more for what was
    /// asked before once nobody listens.
    pub(super) async fn close(mut self) -> Vec<Message> {
        let mut came = Vec::new();
        let rest = async {
            if self.messages.drain().await.is_ok() {
                while let Some(message) = self.messages.next().await {
                    if let Some(Step::Message(message)) = self.take(message) {
                        came.push(message);
                    }
                }
            }
        };
        // What has not come by then is visible again after a while.
        let _ = timeout(REST, rest).await;
        came
    }

    /// Asks for more, if little is on its way.
    async fn ask(&mut self, demand: Demand) {
        if self.outstanding > demand.low || self.outstanding >= demand.high {
            return;
        }
        let batch = demand.high - self.outstanding;
        let asked = async {
            // A message that is larger than this would never come.
            let largest = self.link.client().await?.max_payload() * 2;
            let question = json!({
                "batch": batch,
                "max_bytes": BYTES.max(largest),
                "expires": nanos(EXPIRES),
                "idle_heartbeat": nanos(IDLE),
            });
            let question = Bytes::from(question.to_string());
            self.link
                .ask_into(&self.subject, &self.inbox, question)
                .await
        };
        match asked.await {
            Ok(()) => {
                self.outstanding += batch;
                self.heard = Instant::now();
            }
            Err(_) => self.state = State::Broken,
        }
    }

    fn take(&mut self, message: Message) -> Option<Step> {
        self.heard = Instant::now();
        let Some(status) = message.status else {
            self.outstanding = self.outstanding.saturating_sub(1);
            return Some(Step::Message(message));
        };
        let number = |name| headers::value(&message, name)?.parse::<u64>().ok();
        let description = message.description.as_deref().unwrap_or_default();
        match status.as_u16() {
            _ if status == StatusCode::IDLE_HEARTBEAT => {
                return number("Nats-Last-Consumer").map(Step::Idle);
            }
            NO_MESSAGES | EXPIRED => self.ended(number(LEFT)),
            // So many bytes were sent as were asked for.
            CONFLICT if description.contains("MaxBytes") => self.ended(number(LEFT)),
            CONFLICT if description.contains("Consumer Deleted") => self.state = State::Deleted,
            // Newer servers say so of requests that have a limit of bytes.
            CONFLICT if description.contains("Batch Completed") => {}
            _ => self.state = State::Broken,
        }
        None
    }

    /// A request ended with so many messages that were not sent.
    fn ended(&mut self, left: Option<u64>) {
        let left = left.unwrap_or(self.outstanding);
        self.outstanding = self.outstanding.saturating_sub(left);
    }
}
