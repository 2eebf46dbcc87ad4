//! `JetStream`'s own subjects: a question in JSON, an answer in JSON.
//!
//! Asked by hand: what the client offers for it leaves out the conditions that are needed here,
//! and never forgets a question that is not answered.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{Cause, Refused, Trouble};
use super::headers::Outgoing;
use super::link::Link;

/// `JetStream` knows no such stream.
pub(super) const NO_STREAM: u32 = 10_059;
/// The stream has no such message.
pub(super) const NO_MESSAGE: u32 = 10_037;
/// `JetStream` knows no such consumer.
pub(super) const NO_CONSUMER: u32 = 10_014;
/// There is no message of that sequence to be deleted.
pub(super) const NOT_DELETED: u32 = 10_057;
/// A consumer of a work queue would share a subject with another.
pub(super) const OVERLAP: [u32; 2] = [10_099, 10_100];
/// The account, the server or its disk takes no more.
pub(super) const NO_ROOM: [u32; 4] = [10_002, 10_023, 10_028, 10_047];
/// The stream did not store it, for the reason that is given as text.
pub(super) const NOT_STORED: u32 = 10_077;
/// There is a stream of that name with another configuration.
pub(super) const OTHER_STREAM: u32 = 10_058;
/// The subject's last message is not the one that was expected.
pub(super) const WRONG_SEQUENCE: [u32; 2] = [10_071, 10_164];
/// `JetStream` is not enabled, for the server or for the account.
pub(super) const NOT_ENABLED: [u32; 2] = [10_076, 10_039];

#[derive(Deserialize)]
struct Outcome {
    error: Option<Refused>,
}

/// A message was stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) sequence: u64,
    /// A message of the same id was there.
    pub(super) duplicate: bool,
}

/// What a stream says of a message, stored or not.
#[derive(Deserialize)]
struct Told {
    error: Option<Refused>,
    #[serde(rename = "seq")]
    sequence: Option<u64>,
    #[serde(default)]
    duplicate: bool,
}

impl Link {
    /// Asks `JetStream`; `what` is what follows `$JS.API.`.
    pub(super) async fn api<T: DeserializeOwned>(
        &self,
        what: &str,
        question: &impl Serialize,
    ) -> Result<T, Trouble> {
        let question = serde_json::to_vec(question)
            .map_err(|error| Trouble::Unfit(format!("the question has no JSON: {error}")))?;
        let subject = format!("$JS.API.{what}");
        let asked = self.ask(subject, Outgoing::default(), question.into());
        read(&asked.await?.payload)
    }

    /// Stores a message in the stream that takes the subject.
    pub(super) async fn store(
        &self,
        subject: String,
        headers: Outgoing,
        payload: Bytes,
    ) -> Result<Stored, Trouble> {
        read_stored(&self.ask(subject, headers, payload).await?.payload)
    }
}

// What cannot be read may still mean that it was done.
fn unreadable(error: impl fmt::Display) -> Trouble {
    Trouble::Lost(Cause::Unusable(format!("not understood: {error}").into()))
}

/// Reads what a stream answers to a message: once, for there are many of them.
pub(super) fn read_stored(answer: &[u8]) -> Result<Stored, Trouble> {
    let told: Told = serde_json::from_slice(answer).map_err(unreadable)?;
    if let Some(refused) = told.error {
        return Err(refused.into());
    }
    let sequence = told.sequence.ok_or_else(|| unreadable("it has no `seq`"))?;
    Ok(Stored {
        sequence,
        duplicate: told.duplicate,
    })
}

/// Reads an answer of `JetStream`.
pub(super) fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Trouble> {
    let outcome: Outcome = serde_json::from_slice(answer).map_err(unreadable)?;
    match outcome.error {
        Some(refused) => Err(refused.into()),
        None => serde_json::from_slice(answer).map_err(unreadable),
    }
}
