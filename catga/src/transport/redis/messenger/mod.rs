//! Frames from node to node, over channels. Nothing is stored.
//!
//! | channel | who listens |
//! |---|---|
//! | `<ns>:<database>:node:<id>`, in a Redis Cluster `…@<server>` | the node's inbox |
//! | `<ns>:<database>:answers:<token>` | whoever asked, one channel for each connection |
//! | `<ns>:<database>:on:<subject>` | the subscriptions to a broadcast |
//!
//! `PUBLISH` answers how many it reached: nobody means that the node is not there. All nodes use the
//! same server, that of the records, since another one of a cluster does not count its listeners.
//! What lies in these channels is laid out in [`wire`](super::wire).

mod inbox;
mod pending;
mod subscription;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::Shared;
use super::directory::Spot;
use super::error::Trouble;
use super::link::{Channel, Listening};
use super::wire::Parcel;
use crate::message::chance;
use crate::node::NodeId;
use crate::routing::InvalidPattern;
use crate::transport::{
    BoxFuture, Frame, Inbox, Messenger, RequestError, Subscription, TransportError,
};
use pending::Pending;

/// Frames that wait in an inbox or a subscription; more are not taken.
const CAPACITY: usize = 4_096;

/// What this end of the messenger keeps.
pub(super) struct Post {
    /// Requests that wait for an answer.
    pending: Arc<Pending>,
    /// Names this end, so that answers come here.
    token: Box<str>,
    /// Listens for answers; `None` until the first request.
    answers: tokio::sync::Mutex<Option<Listening>>,
    numbers: AtomicU64,
}

impl Post {
    pub(super) fn new() -> Self {
        Self {
            pending: Arc::default(),
            token: chance::draw(|chance| format!("{:016x}", chance.u64(..))).into(),
            answers: tokio::sync::Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

impl Shared {
    async fn publish(&self, channel: &str, parcel: &Parcel) -> Result<u64, Trouble> {
        let home = self.commands.home().await?;
        self.publish_at(&home, channel, parcel).await
    }

    /// Publishes to a node's inbox. How many it reached.
    async fn post(&self, to: &NodeId, parcel: &Parcel) -> Result<u64, Trouble> {
        let home = self.commands.home().await?;
        let channel = self.names.inbox(&home.primary.id, to.as_str());
        self.publish_at(&home, &channel, parcel).await
    }

    async fn publish_at(
        &self,
        server: &Spot,
        channel: &str,
        parcel: &Parcel,
    ) -> Result<u64, Trouble> {
        let payload: Bytes = parcel.encode();
        let mut command = redis::cmd("PUBLISH");
        command.arg(channel).arg(&*payload);
        self.commands.command_to(server, &command).await
    }

    /// The channel where answers arrive, once it is listened to.
    async fn answers(&self) -> Result<String, Trouble> {
        let channel = self.names.answers(&self.post.token);
        let mut answers = self.post.answers.lock().await;
        if !answers.as_ref().is_some_and(Listening::is_open) {
            let pending = Arc::clone(&self.post.pending);
            let deliver = Box::new(move |_: &str, payload| pending.answered(payload));
            let exactly = Channel::Exactly(channel.clone());
            *answers = Some(self.link.listen(exactly, deliver).await?);
        }
        Ok(channel)
    }
}

impl Messenger for Arc<Shared> {
    fn serve<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> BoxFuture<'a, Result<Box<dyn Inbox>, TransportError>> {
        Box::pin(async move {
            let inbox = self.open(node).await;
            let inbox = inbox.map_err(|error| error.when("open an inbox"))?;
            Ok(Box::new(inbox) as Box<dyn Inbox>)
        })
    }

    fn request<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
        within: Duration,
    ) -> BoxFuture<'a, Result<Frame, RequestError>> {
        Box::pin(async move {
            let unsent =
                |error: Trouble| RequestError::Transport(error.when("send a request to a node"));
            let asked = async {
                let answers = self.answers().await.map_err(unsent)?;
                let waiting = self.post.pending.ask(self.post.number());
                let parcel = Parcel::Asked {
                    sent: self.clock.latest(),
                    number: waiting.number(),
                    answers,
                    frame,
                };
                match self.post(to, &parcel).await {
                    Ok(0) => return Err(RequestError::NoResponder),
                    // It may have arrived; then its answer will, too.
                    Ok(_) | Err(Trouble::Lost(_)) => {}
                    Err(error) => return Err(unsent(error)),
                }
                waiting.answer().await.ok_or(RequestError::NoResponder)
            };
            let asked = timeout(within, asked).await;
            asked.unwrap_or(Err(RequestError::Timeout))
        })
    }

    fn tell<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let told = self.post(to, &Parcel::Told(frame)).await;
            told.map(drop).map_err(|error| error.when("send to a node"))
        })
    }

    fn broadcast<'a>(
        &'a self,
        subject: &'a str,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let channel = self.names.subjects() + subject;
            let told = self.publish(&channel, &Parcel::Told(frame)).await;
            told.map(drop).map_err(|error| error.when("broadcast"))
        })
    }

    fn subscribe<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, TransportError>> {
        Box::pin(async move {
            let pattern = subject
                .parse()
                .map_err(|error: InvalidPattern| TransportError::new("subscribe", error))?;
            let frames = self.frames(pattern).await;
            let frames = frames.map_err(|error| error.when("subscribe"))?;
            Ok(Box::new(frames) as Box<dyn Subscription>)
        })
    }
}
