//! What changes in the records.
//!
//! The server sends what there is and then each change, numbered. A watch that missed a number, or
//! whose connection broke, ends: the next one reads everything.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::Store;
use crate::message::chance;
use crate::transport::nats::bucket::{Bucket, MARKER_REASON, OPERATION, nanos};
use crate::transport::nats::clock::ServerClock;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers;
use crate::transport::nats::reply_info::ReplyInfo;
use crate::transport::{BoxFuture, Change, Record, RecordKey, Revision, Watch};

/// The subjects of all records, in the bucket.
const ALL: [&str; 3] = ["member.*", "service.*", "owners.*"];

/// How often the server says that nothing has changed.
const IDLE: Duration = Duration::from_secs(5);

/// How long the server keeps a consumer that nobody listens to.
const KEPT: Duration = Duration::from_secs(5);

/// A watch of all records.
pub(super) struct Changes {
    messages: Subscriber,
    /// What was received and not yet told.
    waiting: VecDeque<Change>,
    /// The last number that came.
    last: u64,
    /// Once this sequence is reached, everything that was there has come; `None` if it has.
    target: Option<u64>,
    breaks: watch::Receiver<u64>,
    bucket: Arc<Bucket>,
    clock: Arc<ServerClock>,
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "num_pending", default)]
    pending: u64,
}

impl Store {
    pub(super) async fn changes(&self) -> Result<Changes, Trouble> {
        let breaks = self.link.breaks();
        let target = self.bucket.last().await?;
        let inbox = self.link.client().await?.new_inbox();
        let messages = self.link.subscribe(inbox.clone()).await?;
        let name = chance::draw(|chance| format!("watch-{:016x}", chance.u64(..)));
        let stream = self.bucket.stream();
        let filters = ALL.map(|keys| self.bucket.subject(keys));
        let question = json!({
            "stream_name": stream,
            "config": {
                "name": name,
                "deliver_subject": inbox,
                "deliver_policy": "last_per_subject",
                "filter_subjects": filters,
                "ack_policy": "none",
                "replay_policy": "instant",
                "idle_heartbeat": nanos(IDLE),
                "inactive_threshold": nanos(KEPT),
                "mem_storage": true,
                "num_replicas": 1,
            },
        });
        let what = format!("CONSUMER.CREATE.{stream}.{name}");
        let created: Created = self.link.api(&what, &question).await?;
        let mut changes = Changes {
            messages,
            waiting: VecDeque::new(),
            last: 0,
            target: Some(target),
            breaks,
            bucket: Arc::clone(&self.bucket),
            clock: Arc::clone(&self.clock),
        };
        if created.pending == 0 {
            changes.current();
        }
        Ok(changes)
    }
}

impl Changes {
    /// Everything that was there has come.
    fn current(&mut self) {
        if self.target.take().is_some() {
            self.waiting.push_back(Change::Current);
        }
    }

    /// Takes what came. `None` if something before it is missing.
    fn take(&mut self, message: Message) -> Option<()> {
        if message.status.is_some() {
            // Nothing else is sent now: what came is everything that was sent.
            let sent = headers::value(&message, "Nats-Last-Consumer")?;
            if sent.parse::<u64>().ok()? != self.last {
                return None;
            }
            self.current();
            return Some(());
        }
        let reply = ReplyInfo::parse(message.reply.as_deref()?)?;
        if reply.number != self.last + 1 {
            return None;
        }
        self.last = reply.number;
        self.bucket.saw(reply.sequence);
        self.clock.stored(reply.sequence, reply.time / 1_000);
        let start = self.bucket.subject("").len();
        let key = message.subject.get(start..);
        if let Some(Ok(key)) = key.map(str::parse::<RecordKey>) {
            let is_marker = [OPERATION, MARKER_REASON]
                .iter()
                .any(|name| headers::value(&message, name).is_some());
            match (is_marker, self.target) {
                // Gone before the watch began.
                (true, Some(_)) => {}
                (true, None) => self.waiting.push_back(Change::Removed(key)),
                (false, _) => {
                    let record = Record {
                        value: message.payload,
                        revision: Revision(reply.sequence),
                    };
                    self.waiting.push_back(Change::Put(key, record));
                }
            }
        }
        let is_all = |target| reply.sequence >= target || reply.pending == 0;
        if self.target.is_some_and(is_all) {
            self.current();
        }
        Some(())
    }
}

impl Watch for Changes {
    fn next(&mut self) -> BoxFuture<'_, Option<Change>> {
        Box::pin(async {
            loop {
                if let Some(change) = self.waiting.pop_front() {
                    return Some(change);
                }
                let message = {
                    let broken = std::pin::pin!(self.breaks.changed());
                    match select(broken, self.messages.next()).await {
                        Either::Left(_) => return None,
                        Either::Right((message, _)) => message?,
                    }
                };
                self.take(message)?;
            }
        })
    }
}
