//! One attempt of one handler of a stored message.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::Either;
use tokio::time::Instant;

use super::attempt::AnyAttempt;
use super::dedup::{Claim, Claimant, Claimed};
use super::{Envelope, Failure, layered};
use crate::handler::{Facts, HandlerInfo, Pick};
use crate::node::{Core, after};
use crate::transport::BoxFuture;
use crate::wiring::Local;

/// Whether something may still start.
pub(super) type MayStart<'a> = &'a (dyn Fn() -> bool + Sync);

/// One attempt of one handler, unless it is known to have succeeded for this message. Whoever calls has
/// seen that it `may_start`; that is asked again behind a claim, which takes a while.
///
/// All but the shortest way is behind a box, since each message that runs has room for it.
pub(super) fn run<'a>(
    core: &'a Arc<Core>,
    envelope: &'a Envelope,
    pick: Pick,
    local: &'a Local,
    facts: Facts,
    claimant: &'a mut Claimant,
    may_start: MayStart<'a>,
) -> Either<Once<'a>, BoxFuture<'a, Result<(), Failure>>> {
    match local.info.dedup() {
        Some(window) => {
            let run = async move {
                let deadline = after(facts.timeout());
                let claim = claim(core, envelope, local.info, claimant, window, deadline);
                let claim = match claim.await? {
                    Claimed::Run(claim) => claim,
                    Claimed::Done(_) => return Ok(()),
                };
                if !may_start() {
                    claim.failed().await;
                    return Err(Failure::unclaimed(&Stopped));
                }
                let result = run_once(core, envelope, pick, local, facts).await;
                match result {
                    // Nothing is awaited behind the handler: if the term ended meanwhile, what it did
                    // would be forgotten.
                    Ok(()) => drop(claim.succeeded(b"")),
                    Err(_) => drop(claim),
                }
                result
            };
            Either::Right(Box::pin(run))
        }
        None => run_once(core, envelope, pick, local, facts),
    }
}

/// Claims the id of a message for a handler.
async fn claim(
    core: &Arc<Core>,
    envelope: &Envelope,
    handler: &'static HandlerInfo,
    claimant: &mut Claimant,
    window: Duration,
    deadline: Instant,
) -> Result<Claimed, Failure> {
    let epoch = envelope.fence.filter(|_| envelope.key.is_some());
    Claim::take(
        core,
        claimant,
        handler,
        envelope.id,
        epoch,
        window,
        deadline,
    )
    .await
    .map_err(|error| Failure::unclaimed(&*error))
}

/// While a message was claimed, its service was paused, or its node lost the key or stops.
#[derive(Debug)]
struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing may start here any more since the message id was claimed")
    }
}

impl std::error::Error for Stopped {}

/// One attempt of one handler, through the layers if there are any.
fn run_once<'a>(
    core: &'a Arc<Core>,
    envelope: &'a Envelope,
    pick: Pick,
    local: &'a Local,
    facts: Facts,
) -> Either<Once<'a>, BoxFuture<'a, Result<(), Failure>>> {
    if let Some(layers) = &core.layers {
        let run = layered::run(core, layers, envelope, pick, local, facts);
        return Either::Right(Box::pin(run));
    }
    Either::Left(Once {
        core,
        local,
        attempt: (envelope.info.operations.attempt)(),
        fresh: Some(facts),
    })
}

/// One attempt of one handler, without layers.
pub(super) struct Once<'a> {
    core: &'a Arc<Core>,
    local: &'a Local,
    attempt: AnyAttempt,
    /// `None` once it has started.
    fresh: Option<Facts>,
}

impl Future for Once<'_> {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match this.fresh.take() {
            Some(mut facts) => {
                let attempt = this.attempt.as_mut();
                attempt.start(cx, this.core, this.local, &mut facts)
            }
            None => this.attempt.as_mut().resume(cx),
        }
    }
}
