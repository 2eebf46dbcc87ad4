//! A bucket of small values: a stream that keeps the last message of each subject.
//!
//! It is laid out as every NATS client lays out a key-value bucket, so `nats kv` shows it. Reads
//! ask the stream's leader and writes are conditional. What runs out leaves a marker, which tells
//! whoever watches; the marker runs out in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{NO_STREAM, WRONG_SEQUENCE};
use super::error::Trouble;
use super::headers::Outgoing;
use super::link::Link;
use super::stream;

/// How long a marker tells that a value is gone.
const MARKER: Duration = Duration::from_secs(60);

/// How often a write is tried again that somebody came before.
const TRIES: u32 = 4;

pub(super) const OPERATION: &str = "KV-Operation";
pub(super) const MARKER_REASON: &str = "Nats-Marker-Reason";
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
const TTL: &str = "Nats-TTL";

/// One bucket.
pub(super) struct Bucket {
    name: Box<str>,
    link: Arc<Link>,
    /// Whether it was there when it was last asked for.
    ready: AtomicBool,
    /// The highest sequence that was seen.
    highest: AtomicU64,
    /// How often its sequence was found to be lower than it had been.
    falls: AtomicU64,
}

/// Why a value was not written.
#[derive(Debug)]
pub(super) enum PutError {
    /// The value is not the one that was expected; nothing was written.
    Conflict,
    Trouble(Trouble),
}

impl From<Trouble> for PutError {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// The last message of a key.
enum Last {
    Nothing,
    /// The value was removed, or ran out.
    Marker(u64),
    Value(Bytes, u64),
}

impl Bucket {
    pub(super) fn new(name: &str, link: Arc<Link>) -> Self {
        Self {
            name: name.into(),
            link,
            ready: AtomicBool::new(false),
            highest: AtomicU64::new(0),
            falls: AtomicU64::new(0),
        }
    }

    /// The stream behind it.
    pub(super) fn stream(&self) -> String {
        format!("KV_{}", self.name)
    }

    /// The subject of a key.
    pub(super) fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }

    /// Makes it, unless it is there. Any number of nodes may do so at once.
    pub(super) async fn provision(&self) -> Result<(), Trouble> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        self.info().await.map(drop)
    }

    /// Which bucket it is: another one if it was made anew, or fell back to what it was before.
    pub(super) async fn identity(&self) -> Result<String, Trouble> {
        let known = self.highest.load(Ordering::Acquire);
        let info = self.info().await?;
        let last = info.state.last_sequence;
        if last < known {
            self.falls.fetch_add(1, Ordering::AcqRel);
            self.highest.store(last, Ordering::Release);
        }
        let falls = self.falls.load(Ordering::Acquire);
        Ok(format!("{} {falls}", info.created))
    }

    /// The sequence of the last message of all.
    pub(super) async fn last(&self) -> Result<u64, Trouble> {
        Ok(self.info().await?.state.last_sequence)
    }

    /// Reads a value and its sequence from the leader.
    pub(super) async fn get(&self, key: &str) -> Result<Option<(Bytes, u64)>, Trouble> {
        Ok(match self.find(key).await? {
            Last::Value(value, sequence) => Some((value, sequence)),
            Last::Nothing | Last::Marker(_) => None,
        })
    }

    /// Writes a value in place of the one with this sequence; it is gone `expires` later.
    pub(super) async fn put(
        &self,
        key: &str,
        value: Bytes,
        expected: u64,
        expires: Option<Duration>,
    ) -> Result<u64, PutError> {
        // No message has it; for JetStream it would mean that there is none.
        if expected == 0 {
            return Err(PutError::Conflict);
        }
        self.write(key, value, expected, expires).await
    }

    /// Writes a value if there is none.
    pub(super) async fn create(
        &self,
        key: &str,
        value: Bytes,
        expires: Option<Duration>,
    ) -> Result<u64, PutError> {
        let mut expected = 0;
        for _ in 0..TRIES {
            match self.write(key, value.clone(), expected, expires).await {
                Err(PutError::Conflict) => {}
                written => return written,
            }
            expected = match self.find(key).await? {
                Last::Value(..) => return Err(PutError::Conflict),
                Last::Marker(sequence) => sequence,
                Last::Nothing => 0,
            };
        }
        Err(PutError::Conflict)
    }

    /// Removes the value with this sequence.
    pub(super) async fn remove(&self, key: &str, expected: u64) -> Result<(), PutError> {
        if expected == 0 {
            return Err(PutError::Conflict);
        }
        let headers = purge(conditional(expected, Some(MARKER)));
        self.store(key, headers, Bytes::new()).await.map(drop)
    }

    /// Removes whatever is there.
    pub(super) async fn clear(&self, key: &str) -> Result<(), Trouble> {
        let headers = purge(Outgoing::default().with(TTL, whole_seconds(MARKER).to_string()));
        match self.store(key, headers, Bytes::new()).await {
            // It has no condition, so there is nothing else that it could be in conflict with.
            Ok(_) | Err(PutError::Conflict) => Ok(()),
            Err(PutError::Trouble(trouble)) => Err(trouble),
        }
    }

    /// A message with this sequence was seen.
    pub(super) fn saw(&self, sequence: u64) {
        self.highest.fetch_max(sequence, Ordering::AcqRel);
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        expected: u64,
        expires: Option<Duration>,
    ) -> Result<u64, PutError> {
        self.store(key, conditional(expected, expires), value).await
    }

    async fn store(&self, key: &str, headers: Outgoing, value: Bytes) -> Result<u64, PutError> {
        self.provision().await?;
        let stored = self.link.store(self.subject(key), headers, value).await;
        match stored {
            Ok(stored) => {
                self.saw(stored.sequence);
                Ok(stored.sequence)
            }
            Err(Trouble::Refused(refused)) if WRONG_SEQUENCE.contains(&refused.code) => {
                Err(PutError::Conflict)
            }
            Err(trouble) => Err(self.noticed(trouble).into()),
        }
    }

    async fn find(&self, key: &str) -> Result<Last, Trouble> {
        self.provision().await?;
        let question = json!({ "last_by_subj": self.subject(key) });
        let found = self.link.message(&self.stream(), &question).await;
        let Some(message) = found.map_err(|trouble| self.noticed(trouble))? else {
            return Ok(Last::Nothing);
        };
        self.saw(message.sequence);
        let is_marker = message.headers()?.iter().any(|(name, _)| is_marker(name));
        if is_marker {
            return Ok(Last::Marker(message.sequence));
        }
        Ok(Last::Value(message.payload()?, message.sequence))
    }

    /// Asks for the stream, and makes it if it is not there.
    async fn info(&self) -> Result<stream::Info, Trouble> {
        let what = format!("the bucket `{}`", self.name);
        let info = self.link.provision(&what, &self.config()).await;
        let info = info.map_err(|trouble| self.noticed(trouble))?;
        self.ready.store(true, Ordering::Release);
        Ok(info)
    }

    fn config(&self) -> Value {
        let settings = self.link.settings();
        json!({
            "name": self.stream(),
            "subjects": [self.subject(">")],
            "retention": "limits",
            "storage": settings.storage.as_str(),
            "num_replicas": settings.replicas,
            "discard": "new",
            "max_msgs_per_subject": 1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_age": 0,
            "allow_direct": true,
            "allow_rollup_hdrs": true,
            "deny_delete": true,
            "allow_msg_ttl": true,
            "subject_delete_marker_ttl": nanos(MARKER),
        })
    }

    /// A stream that is gone is made anew by whoever asks next.
    fn noticed(&self, trouble: Trouble) -> Trouble {
        let is_gone = match &trouble {
            Trouble::NoResponder => true,
            Trouble::Refused(refused) => refused.code == NO_STREAM,
            _ => false,
        };
        if is_gone {
            self.ready.store(false, Ordering::Release);
        }
        trouble
    }
}

/// Headers of a write that is done only if the last message of its subject has this sequence.
fn conditional(expected: u64, expires: Option<Duration>) -> Outgoing {
    let headers = Outgoing::default().with(EXPECTED, expected.to_string());
    match expires {
        None => headers,
        Some(expires) => headers.with(TTL, whole_seconds(expires).to_string()),
    }
}

/// Headers of a message that takes the place of all before it and says that the value is gone.
fn purge(headers: Outgoing) -> Outgoing {
    headers.with(OPERATION, "PURGE").with("Nats-Rollup", "sub")
}

/// The server counts whole seconds, from 1.
fn whole_seconds(expires: Duration) -> u64 {
    let started = u64::from(expires.subsec_nanos() > 0);
    expires.as_secs().saturating_add(started).max(1)
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether a header of this name is that of a marker.
fn is_marker(name: &str) -> bool {
    name == OPERATION || name == MARKER_REASON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_rounded_up() {
        for (milliseconds, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (10_000, 10)] {
            let expires = Duration::from_millis(milliseconds);
            assert_eq!(whole_seconds(expires), seconds, "{milliseconds} ms");
        }
    }
}
