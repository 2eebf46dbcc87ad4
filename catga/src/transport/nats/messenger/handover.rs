//! How an inbox ends: nothing is lost on the way to it, and nothing is handled by two.
//!
//! A node may open an inbox while a former one of it is still there, in a process that was stopped
//! for a while, say. Then they talk, in the header `catga-inbox`:
//!
//! ```text
//! opening → the inbox    open     there is another one: do you end?
//! former  → opening      ask      do you wait for me?
//! opening → former       wait     yes
//! former  → opening      gone     nothing more comes to me
//! ```
//!
//! A former one that does not answer soon is not waited for. When it wakes up and asks, nobody
//! answers: so what came behind the first line came to the new one, too, and is dropped.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Subject, Subscriber};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{FILLER, HANDOVER, Post, UNDELIVERED, note};
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers;

/// How long a former inbox may take to answer.
const FORMER: Duration = Duration::from_secs(1);

/// How long it may take to end, once it has answered.
const ENDING: Duration = Duration::from_secs(3);

/// How long the end may take.
const CLOSING: Duration = Duration::from_secs(10);

/// More than what is ever on its way to an inbox and not yet taken out.
const ON_THE_WAY: u64 = 1_024;

/// The subscription of an inbox.
pub(super) struct Open {
    pub(super) messages: Subscriber,
    /// How many messages were taken out.
    pub(super) taken: u64,
    pub(super) breaks: watch::Receiver<u64>,
    /// Whether the server has counted all of them.
    pub(super) intact: bool,
    subject: String,
    client: Client,
    /// How often the client had connected.
    connects: u64,
}

impl Open {
    /// Ends the subscription so that everything that was sent to it arrives: the server sends up
    /// to a number of messages, and the client takes up to the same. Fillers make up the number.
    /// `None` if the server does not count as the client does any more, or cannot be reached.
    async fn fill_up(&mut self, post: &Post) -> Option<()> {
        let is_connected = self.client.connection_state() == State::Connected;
        if !self.intact || !is_connected || self.connects != connects(&self.client) {
            return None;
        }
        let last = self.taken + ON_THE_WAY;
        self.messages.unsubscribe_after(last).await.ok()?;
        for _ in 0..ON_THE_WAY {
            let (headers, payload) = note(FILLER, "1");
            let sent = post.link.publish(self.subject.clone(), headers, payload);
            sent.await.ok()?;
        }
        Some(())
    }
}

fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

impl Post {
    /// Waits until no former inbox is there.
    pub(super) async fn take_over(&self, subject: &str) -> Result<(), Trouble> {
        let ask = |to: Subject, word, within| {
            let (headers, payload) = note(HANDOVER, word);
            self.link.request(to, headers, payload, within)
        };
        let asked = match ask(subject.into(), "open", FORMER).await {
            Ok(asked) => asked,
            Err(Trouble::NoResponder) => return Ok(()),
            Err(trouble) => return Err(trouble),
        };
        if let Some(reply) = asked.and_then(|asked| asked.reply) {
            match ask(reply, "wait", ENDING).await {
                Ok(_) | Err(Trouble::NoResponder) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    pub(super) async fn subscribed(&self, subject: String) -> Result<Open, Trouble> {
        let breaks = self.link.breaks();
        let client = self.link.client().await?;
        let connects = connects(&client);
        Ok(Open {
            messages: self.link.subscribe(subject.clone()).await?,
            taken: 0,
            breaks,
            intact: true,
            subject,
            client,
            connects,
        })
    }

    /// Another inbox of the node opens.
    pub(super) async fn hand_over(self, open: Open, opening: Subject) {
        let (headers, payload) = note(HANDOVER, "ask");
        let waits = self.link.request(opening, headers, payload, FORMER).await;
        if let Ok(Some(waits)) = waits {
            self.clone().close(open).await;
            if let Some(reply) = waits.reply {
                self.reply(reply, note(HANDOVER, "gone")).await;
            }
        }
    }

    /// Ends an inbox. What is on its way to it is refused.
    pub(super) async fn close(self, mut open: Open) {
        let closing = async {
            if open.fill_up(&self).await.is_none() && open.messages.drain().await.is_err() {
                return;
            }
            let mut opening = Vec::new();
            while let Some(message) = open.messages.next().await {
                let is_opening = headers::value(&message, HANDOVER).is_some();
                match message.reply {
                    Some(reply) if is_opening => opening.push(reply),
                    Some(reply) => self.reply(reply, note(UNDELIVERED, "1")).await,
                    None => {}
                }
            }
            for reply in opening {
                self.reply(reply, note(HANDOVER, "gone")).await;
            }
        };
        // Without a connection it would take until there is one.
        let _ = timeout(CLOSING, closing).await;
    }
}
