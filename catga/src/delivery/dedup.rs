//! Handlers that must not run twice for one message, on request.
//!
//! An execution claims the id of its message in the broker before it runs, and writes down that it
//! succeeded. A failure gives the claim back. A claim whose owner died runs out; one of a former
//! owner of the key is taken over at once, since the fence says that nothing of it goes on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use crate::BoxError;
use crate::handler::HandlerInfo;
use crate::message::{ContentType, MessageId, chance};
use crate::node::{Core, spawn};
use crate::telemetry::Chain;
use crate::transport::{Expect, Revision, TransportError, WriteError};

/// What an attempt may take beyond its deadline before others may claim.
const MARGIN: Duration = Duration::from_secs(10);

/// What stands in the broker for an id and a handler.
#[derive(Debug, Serialize, Deserialize)]
struct ClaimRecord {
    /// Of the [`Claimant`].
    token: u64,
    /// That of the key's owner, for what came from a partition.
    epoch: Option<u64>,
    /// What it answered, once it has succeeded.
    done: Option<Answer>,
}

/// An encoded response: as text where it is text, which is shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Answer {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&[u8]> for Answer {
    fn from(answer: &[u8]) -> Self {
        match std::str::from_utf8(answer) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(answer.to_vec()),
        }
    }
}

impl From<Answer> for Bytes {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Text(text) => text.into(),
            Answer::Bytes(bytes) => bytes.into(),
        }
    }
}

/// Whoever claims: a call, or all attempts of a handler at one message. A claim of its own whose
/// answer was lost, or that could not be given back, does not stand in its way.
#[derive(Debug, Default)]
pub(crate) struct Claimant {
    token: Option<u64>,
}

impl Claimant {
    fn token(&mut self) -> u64 {
        *self
            .token
            .get_or_insert_with(|| chance::draw(|chance| chance.u64(..)) >> 1)
    }
}

/// The name of the mark of an id and a handler.
pub(crate) fn claim_name(handler: &HandlerInfo, id: MessageId) -> String {
    format!("seen-{id}-{:x}", xxh3_64(handler.path().as_bytes()))
}

/// Whether a mark says that a handler succeeded.
#[cfg(feature = "testing")]
pub(crate) fn is_success(mark: &[u8]) -> bool {
    let mark = ContentType::Json.decode::<ClaimRecord>(mark);
    mark.is_ok_and(|mark| mark.done.is_some())
}

/// The right of one execution to run for an id.
#[derive(Debug)]
pub(crate) struct Claim {
    core: Arc<Core>,
    name: String,
    token: u64,
    epoch: Option<u64>,
    revision: Revision,
    window: Duration,
    /// Whether it is written down how it ended.
    settled: bool,
}

/// What became of a claim.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// It runs.
    Run(Claim),
    /// It ran and succeeded, with this answer.
    Done(Bytes),
}

/// Another execution for the same id is under way, or its node died with it a moment ago.
#[derive(Debug)]
pub(crate) struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another execution for the same message id is under way, or its node died with it a moment ago")
    }
}

impl std::error::Error for Busy {}

impl Claim {
    /// Claims an id for a handler, for an execution that ends at its deadline.
    pub(crate) async fn take(
        core: &Arc<Core>,
        claimant: &mut Claimant,
        handler: &'static HandlerInfo,
        id: MessageId,
        epoch: Option<u64>,
        window: Duration,
        deadline: Instant,
    ) -> Result<Claimed, BoxError> {
        let name = claim_name(handler, id);
        let token = claimant.token();
        let mut in_doubt = false;
        loop {
            let read = core.marks().read(&core.service, &name);
            let found = limited(core, read).await?.record;
            let known = found
                .as_ref()
                .and_then(|found| ContentType::Json.decode::<ClaimRecord>(&found.value).ok());
            match known {
                Some(ClaimRecord {
                    done: Some(answer), ..
                }) => return Ok(Claimed::Done(answer.into())),
                // Written anew: what was meant for the former one must not reach this one.
                Some(ClaimRecord { token: former, .. }) if former == token => {}
                // Of a former owner of the key nothing goes on.
                Some(ClaimRecord {
                    epoch: Some(former),
                    ..
                }) if epoch.is_some_and(|epoch| former < epoch) => {}
                Some(_) => return Err(Busy.into()),
                None => {}
            }
            let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
            let mark = ClaimRecord {
                token,
                epoch,
                done: None,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let expires = left.saturating_add(MARGIN);
            match write(core, &name, &mark, expect, expires).await {
                Ok(Some(revision)) => {
                    return Ok(Claimed::Run(Self {
                        core: Arc::clone(core),
                        name,
                        token,
                        epoch,
                        revision,
                        window,
                        settled: false,
                    }));
                }
                // Somebody else was faster: look again.
                Ok(None) => {}
                // It may be written.
                Err(_) if !in_doubt => in_doubt = true,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// It succeeded. That is written down, whether somebody waits for what this returns or not: who
    /// waits may be dropped, and then a handler that has succeeded would run again. If it cannot be
    /// written down, the claim runs out and the message may run again.
    pub(crate) fn succeeded(mut self, answer: &[u8]) -> impl Future<Output = ()> + use<> {
        self.settled = true;
        let done = ClaimRecord {
            token: self.token,
            epoch: self.epoch,
            done: Some(answer.into()),
        };
        let (core, runtime) = (Arc::clone(&self.core), self.core.runtime.clone());
        let mut remember = Box::pin(self.remember(done));
        let (tell, told) = oneshot::channel();
        // Without a broker it is at its end at once.
        if (&mut remember).now_or_never().is_none() {
            let unfinished = Unfinished::new(core);
            spawn(&runtime, async move {
                remember.await;
                drop(unfinished);
                let _ = tell.send(());
            });
        }
        // Without a sender, nothing is waited for.
        async move {
            let _ = told.await;
        }
    }

    async fn remember(self, mark: ClaimRecord) {
        let expect = Expect::Revision(self.revision);
        match write(&self.core, &self.name, &mark, expect, self.window).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                tracing::warn!(target: "catga", node = %self.core.id, name = self.name, "a success could not be remembered: somebody else has claimed the message since, or the claim has run out; it may run twice");
            }
            Err(error) => {
                tracing::warn!(target: "catga", node = %self.core.id, name = self.name, error = %Chain(&error), "a success could not be remembered");
            }
        }
    }

    /// It failed: another attempt may claim at once.
    pub(crate) async fn failed(mut self) {
        remove(&self.core, &self.name, self.revision).await;
        self.settled = true;
    }
}

/// A shutdown waits for what is written down.
struct Unfinished(Arc<Core>);

impl Unfinished {
    fn new(core: Arc<Core>) -> Self {
        core.unfinished.enter();
        Self(core)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.unfinished.leave();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The execution was dropped: nothing of it goes on.
        if !self.settled {
            let (core, name) = (Arc::clone(&self.core), std::mem::take(&mut self.name));
            let (revision, runtime) = (self.revision, core.runtime.clone());
            let unfinished = Unfinished::new(Arc::clone(&core));
            spawn(&runtime, async move {
                remove(&core, &name, revision).await;
                drop(unfinished);
            });
        }
    }
}

/// Gives a claim back, and no later one. Otherwise it runs out.
async fn remove(core: &Core, name: &str, revision: Revision) {
    let remove = core.marks().remove(&core.service, name, Some(revision));
    let _ = limited(core, remove).await;
}

/// Writes a mark; `None` if it is not what was expected.
async fn write(
    core: &Core,
    name: &str,
    mark: &ClaimRecord,
    expect: Expect,
    expires: Duration,
) -> Result<Option<Revision>, TransportError> {
    let value = ContentType::Json
        .encode(mark)
        .map_err(|error| TransportError::new("encode a claim", error))?;
    let write = core
        .marks()
        .write(&core.service, name, value, expect, Some(expires));
    let written = limited(core, async {
        match write.await {
            Ok(written) => Ok(Some(written.revision)),
            Err(WriteError::Conflict) => Ok(None),
            Err(WriteError::Transport(error)) => Err(error),
        }
    });
    written.await
}

async fn limited<T>(
    core: &Core,
    answer: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    match &core.cluster {
        Some(cluster) => cluster.limited("claim a message id", answer).await,
        None => answer.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_survive_whatever_their_bytes_are() {
        for answer in [&b"{\"n\":1}"[..], b"", &[0x81, 0xa1, 0x6e, 0xff, 0x00]] {
            let mark = ClaimRecord {
                token: 1,
                epoch: None,
                done: Some(answer.into()),
            };
            let stored = ContentType::Json.encode(&mark).unwrap();
            let read: ClaimRecord = ContentType::Json.decode(&stored).unwrap();
            assert_eq!(Bytes::from(read.done.unwrap()), answer);
        }
    }
}
