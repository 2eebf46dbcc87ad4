//! A bucket of small values: a stream that keeps the last message of each subject.
//!
//! It is laid out as every NATS client lays out a key-value bucket, so `nats kv` shows it. Reads
//! ask the stream's leader and writes are conditional. What runs out leaves a marker, which tells
//! whoever watches; the marker runs out in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{NO_MESSAGE, NO_STREAM, OTHER_STREAM, WRONG_SEQUENCE};
use super::error::Trouble;
use super::headers::Outgoing;
use super::link::Link;

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

/// What `JetStream` says of the stream.
#[derive(Deserialize)]
struct Info {
    config: Value,
    created: String,
    state: State,
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "last_seq")]
    last_sequence: u64,
}

#[derive(Deserialize)]
struct Got {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "seq")]
    sequence: u64,
    #[serde(rename = "hdrs", default)]
    headers: String,
    #[serde(default)]
    data: String,
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
        let headers = conditional(expected, Some(MARKER))
            .with(OPERATION, "PURGE")
            .with("Nats-Rollup", "sub");
        self.store(key, headers, Bytes::new()).await.map(drop)
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
        let what = format!("STREAM.MSG.GET.{}", self.stream());
        let question = json!({ "last_by_subj": self.subject(key) });
        let message = match self.link.api::<Got>(&what, &question).await {
            Ok(got) => got.message,
            Err(Trouble::Refused(refused)) if refused.code == NO_MESSAGE => {
                return Ok(Last::Nothing);
            }
            Err(trouble) => return Err(self.noticed(trouble)),
        };
        self.saw(message.sequence);
        let decoded = |text: &str| {
            BASE64_STANDARD
                .decode(text)
                .map_err(|error| Trouble::Unfit(format!("a value cannot be read: {error}")))
        };
        if is_marker(&decoded(&message.headers)?) {
            return Ok(Last::Marker(message.sequence));
        }
        Ok(Last::Value(
            decoded(&message.data)?.into(),
            message.sequence,
        ))
    }

    /// Asks for the stream, and makes it if it is not there.
    async fn info(&self) -> Result<Info, Trouble> {
        let what = format!("STREAM.INFO.{}", self.stream());
        let wanted = self.config();
        let mut found = self.link.api::<Info>(&what, &json!({})).await;
        if is(&found, NO_STREAM) {
            let create = format!("STREAM.CREATE.{}", self.stream());
            found = self.link.api::<Info>(&create, &wanted).await;
            if is(&found, OTHER_STREAM) {
                // Somebody else was faster, with other settings. Which?
                found = self.link.api::<Info>(&what, &json!({})).await;
            }
        }
        let info = found.map_err(|trouble| self.noticed(trouble))?;
        let differences = differences(&wanted, &info.config);
        if !differences.is_empty() {
            return Err(Trouble::Unfit(format!(
                "the bucket `{}` is there with other settings: {differences}; give all nodes the same, or change it with `nats stream edit {}`",
                self.name,
                self.stream()
            )));
        }
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

fn is<T>(answer: &Result<T, Trouble>, code: u32) -> bool {
    matches!(answer, Err(Trouble::Refused(refused)) if refused.code == code)
}

/// Headers of a write that is done only if the last message of its subject has this sequence.
fn conditional(expected: u64, expires: Option<Duration>) -> Outgoing {
    let headers = Outgoing::default().with(EXPECTED, &expected.to_string());
    match expires {
        None => headers,
        Some(expires) => headers.with(TTL, &whole_seconds(expires).to_string()),
    }
}

/// The server counts whole seconds, from 1.
fn whole_seconds(expires: Duration) -> u64 {
    let started = u64::from(expires.subsec_nanos() > 0);
    expires.as_secs().saturating_add(started).max(1)
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether headers, as they are on the wire, are of a marker.
fn is_marker(headers: &[u8]) -> bool {
    let text = String::from_utf8_lossy(headers);
    text.lines().any(|line| {
        line.split_once(':')
            .is_some_and(|(name, _)| name == OPERATION || name == MARKER_REASON)
    })
}

/// What is not as it is wanted, as text.
fn differences(wanted: &Value, found: &Value) -> String {
    let Some(wanted) = wanted.as_object() else {
        return String::new();
    };
    let differing = wanted.iter().filter_map(|(name, wanted)| {
        let found = found.get(name).unwrap_or(&Value::Null);
        // What is off or zero may be left out.
        let left_out = matches!(wanted, Value::Bool(false)) || wanted.as_u64() == Some(0);
        let is_same = found == wanted || (found.is_null() && left_out);
        (!is_same).then(|| format!("`{name}` is {found} and should be {wanted}"))
    });
    differing.collect::<Vec<_>>().join(", ")
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

    #[test]
    fn markers_are_known_by_their_headers() {
        assert!(is_marker(b"NATS/1.0\r\nKV-Operation: PURGE\r\n\r\n"));
        assert!(is_marker(b"NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\n\r\n"));
        assert!(!is_marker(b"NATS/1.0\r\nNats-TTL: 1\r\n\r\n"));
        assert!(!is_marker(b""));
    }

    #[test]
    fn other_settings_are_told_by_name() {
        let wanted = json!({ "storage": "file", "num_replicas": 3, "max_age": 0 });
        let same = json!({ "storage": "file", "num_replicas": 3, "more": true });
        assert_eq!(differences(&wanted, &same), "");
        let other = json!({ "storage": "file", "num_replicas": 1, "max_age": 5 });
        assert_eq!(
            differences(&wanted, &other),
            "`max_age` is 5 and should be 0, `num_replicas` is 1 and should be 3"
        );
    }
}
