//! Handlers that must not run twice for one message, on request.
//!
//! An execution claims the id of its message in the broker before it runs, and writes down that it
//! succeeded. A failure gives the claim back. A claim whose owner died runs out; one of a former
//! owner of the key is taken over at once, since the fence says that nothing of it goes on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::BoxError;
use crate::handler::HandlerInfo;
use crate::message::{ContentType, MessageId, chance};
use crate::node::{Core, spawn};
use crate::telemetry::Chain;
use crate::transport::{Expect, Revision, TransportError, WriteError};

/// What an attempt may take beyond its timeout before others may claim.
const MARGIN: Duration = Duration::from_secs(10);

/// What stands in the broker for an id and a handler.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    /// Of the execution.
    token: u64,
    /// That of the key's owner, for what came from a partition.
    epoch: Option<u64>,
    /// What it answered, once it has succeeded.
    done: Option<String>,
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
    /// Claims an id for a handler.
    pub(crate) async fn take(
        core: &Arc<Core>,
        handler: &'static HandlerInfo,
        id: MessageId,
        epoch: Option<u64>,
        window: Duration,
    ) -> Result<Claimed, BoxError> {
        let name = format!("seen-{id}-{:x}", xxh3_64(handler.path().as_bytes()));
        let token = chance::draw(|chance| chance.u64(..)) >> 1;
        loop {
            let read = core.marks().read(&core.service, &name);
            let found = limited(core, read).await?.record;
            let known = found
                .as_ref()
                .and_then(|found| ContentType::Json.decode::<Mark>(&found.value).ok());
            match known {
                Some(Mark {
                    done: Some(answer), ..
                }) => return Ok(Claimed::Done(answer.into())),
                // Of a former owner of the key nothing goes on.
                Some(Mark {
                    epoch: Some(former),
                    ..
                }) if epoch.is_some_and(|epoch| former < epoch) => {}
                Some(_) => return Err(Busy.into()),
                None => {}
            }
            let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
            let mark = Mark {
                token,
                epoch,
                done: None,
            };
            let expires = handler.message().timeout().saturating_add(MARGIN);
            // Where somebody else was faster it is looked at again.
            if let Some(revision) = write(core, &name, &mark, expect, expires).await? {
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
        }
    }

    /// It succeeded. If that cannot be written down, the claim runs out and the message may run
    /// again.
    pub(crate) async fn succeeded(mut self, answer: &[u8]) {
        self.settled = true;
        let mark = Mark {
            token: self.token,
            epoch: self.epoch,
            done: Some(String::from_utf8_lossy(answer).into_owned()),
        };
        let expect = Expect::Revision(self.revision);
        if let Err(error) = write(&self.core, &self.name, &mark, expect, self.window).await {
            tracing::warn!(target: "catga", node = %self.core.id, name = self.name, error = %Chain(&error), "a success could not be remembered");
        }
    }

    /// It failed: another attempt may claim at once.
    pub(crate) async fn failed(mut self) {
        self.settled = true;
        remove(&self.core, &self.name).await;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The execution was dropped: nothing of it goes on.
        if !self.settled {
            let (core, name) = (Arc::clone(&self.core), std::mem::take(&mut self.name));
            let runtime = core.runtime.clone();
            spawn(&runtime, async move { remove(&core, &name).await });
        }
    }
}

/// Gives a claim back. Otherwise it runs out.
async fn remove(core: &Core, name: &str) {
    let remove = core.marks().remove(&core.service, name);
    let _ = limited(core, remove).await;
}

/// Writes a mark; `None` if it is not what was expected.
async fn write(
    core: &Core,
    name: &str,
    mark: &Mark,
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
