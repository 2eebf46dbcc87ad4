//! Streams, and the messages in them, as `JetStream`'s own subjects tell of them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{NO_MESSAGE, NO_STREAM, OTHER_STREAM};
use super::error::Trouble;
use super::headers;
use super::link::Link;

/// What `JetStream` says of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    config: Value,
    pub(super) created: String,
    pub(super) state: State,
}

#[derive(Debug, Deserialize)]
pub(super) struct State {
    #[serde(rename = "first_seq")]
    pub(super) first_sequence: u64,
    #[serde(rename = "last_seq")]
    pub(super) last_sequence: u64,
}

/// A message in a stream.
#[derive(Debug, Deserialize)]
pub(super) struct StoredMessage {
    pub(super) subject: String,
    #[serde(rename = "seq")]
    pub(super) sequence: u64,
    pub(super) time: String,
    #[serde(rename = "hdrs", default)]
    headers: String,
    #[serde(default)]
    data: String,
}

impl StoredMessage {
    /// Its headers, as they are on the wire.
    pub(super) fn header_block(&self) -> Result<Vec<u8>, Trouble> {
        decoded(&self.headers)
    }

    /// The names and values of its headers, as they are on the wire.
    pub(super) fn headers(&self) -> Result<Vec<(String, String)>, Trouble> {
        let block = self.header_block()?;
        let text: Cow<'_, str> = String::from_utf8_lossy(&block);
        let named = headers::lines(&text);
        Ok(named
            .map(|(name, value)| (name.into(), value.into()))
            .collect())
    }

    pub(super) fn payload(&self) -> Result<Bytes, Trouble> {
        decoded(&self.data).map(Bytes::from)
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, Trouble> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map_err(|error| Trouble::Unfit(format!("a message cannot be read: {error}")))
}

/// The answer to a question for a message.
#[derive(Deserialize)]
pub(super) struct Got {
    pub(super) message: StoredMessage,
}

impl Link {
    /// Asks for a stream, and makes it if it is not there. Any number of nodes may do so at once.
    /// `what` is how an error names it.
    pub(super) async fn provision(&self, what: &str, wanted: &Value) -> Result<Info, Trouble> {
        let name = wanted["name"].as_str().unwrap_or_default();
        let ask = format!("STREAM.INFO.{name}");
        let mut found = self.api::<Info>(&ask, &json!({})).await;
        if is(&found, NO_STREAM) {
            found = self.api(&format!("STREAM.CREATE.{name}"), wanted).await;
            if is(&found, OTHER_STREAM) {
                // Somebody else was faster, with other settings. Which?
                found = self.api(&ask, &json!({})).await;
            }
        }
        let info = found?;
        let differences = differences(wanted, &info.config);
        if differences.is_empty() {
            return Ok(info);
        }
        Err(Trouble::Unfit(format!(
            "{what} is there with other settings: {differences}; give all nodes the same, or change it with `nats stream edit {name}`"
        )))
    }

    /// Reads a message from the stream's leader.
    pub(super) async fn message(
        &self,
        stream: &str,
        question: &impl Serialize,
    ) -> Result<Option<StoredMessage>, Trouble> {
        let what = format!("STREAM.MSG.GET.{stream}");
        if_there(self.api::<Got>(&what, question).await)
    }
}

/// `None` for an answer that says that there is no such message.
pub(super) fn if_there(got: Result<Got, Trouble>) -> Result<Option<StoredMessage>, Trouble> {
    if is(&got, NO_MESSAGE) {
        return Ok(None);
    }
    got.map(|got| Some(got.message))
}

/// Whether `JetStream` refused with this code.
pub(super) fn is<T>(answer: &Result<T, Trouble>, code: u32) -> bool {
    matches!(answer, Err(Trouble::Refused(refused)) if refused.code == code)
}

/// What is not as it is wanted, as text.
fn differences(wanted: &Value, found: &Value) -> String {
    let Some(wanted) = wanted.as_object() else {
        return String::new();
    };
    // What is not named in there is left to whoever runs the server.
    let differing = wanted.iter().filter_map(|(name, wanted)| {
        let found = found.get(name).unwrap_or(&Value::Null);
        // What is off or zero may be left out.
        let left_out = matches!(wanted, Value::Bool(false)) || wanted.as_u64() == Some(0);
        let is_same = found == wanted || (found.is_null() && (left_out || wanted.is_null()));
        (!is_same).then(|| format!("`{name}` is {found} and should be {wanted}"))
    });
    differing.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
