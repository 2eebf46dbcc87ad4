//! Each handler of a message of the queue until it succeeds or its attempts are used up.

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::OwnedSemaphorePermit;

use crate::delivery::attempt::{AnyAttempt, Attempts};
use crate::delivery::{Claimant, Envelope, Failure, execute};
use crate::handler::{Facts, Pick};
use crate::node::Core;
use crate::telemetry;
use crate::wiring::Local;

/// What is left of a message after the first polls of its handlers; nothing for most.
#[derive(Default)]
pub(super) struct Rest(Vec<(usize, Step)>);

/// How far a handler has come.
enum Step {
    /// Its first attempt has not started.
    Fresh,
    /// Its first attempt waits for something.
    Running(AnyAttempt),
    /// Its first attempt failed.
    Again(Next),
}

/// The next attempt of a handler.
struct Next {
    attempt: NonZeroU32,
    after: Duration,
}

impl Rest {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every handler of a message, where none could be started yet.
    pub(super) fn all(core: &Core, envelope: &Envelope) -> Self {
        let handlers = handlers(core, envelope);
        Self(handlers.map(|(index, _)| (index, Step::Fresh)).collect())
    }
}

fn handlers<'a>(
    core: &'a Core,
    envelope: &Envelope,
) -> impl Iterator<Item = (usize, &'a Local)> + use<'a> {
    let only = envelope.only;
    core.table
        .row(envelope.info)
        .map_or(&[][..], |row| &row.handlers)
        .iter()
        .enumerate()
        .filter(move |(index, _)| only.is_none_or(|only| only == *index))
}

/// Starts all handlers of a message and polls each of them once. Gives the message back, and what
/// is left to do.
///
/// Nothing is allocated for a handler that is at its end then. The caller has a place among those
/// that run at once, and keeps it for the rest.
pub(super) fn first_polls(
    core: &Arc<Core>,
    envelope: Arc<Envelope>,
    attempts: &mut Attempts,
    cx: &mut Context<'_>,
) -> (Option<Arc<Envelope>>, Rest) {
    let info = envelope.info;
    let mut rest = Vec::new();
    let handlers = handlers(core, &envelope);
    let mut facts = Facts::stored(envelope, NonZeroU32::MIN);
    for (index, local) in handlers {
        // Behind a layer, a claim or a limit of its own, it does not begin with the handler.
        let begins_elsewhere = local.info.concurrency().is_some() || local.info.dedup().is_some();
        if core.layers.is_some() || begins_elsewhere {
            rest.push((index, Step::Fresh));
            continue;
        }
        let mut attempt = attempts.take(info);
        let polled = attempt.as_mut().start(cx, core, local, &mut facts);
        if polled.is_pending() {
            rest.push((index, Step::Running(attempt)));
            continue;
        }
        attempts.put(info, attempt);
        if let (Poll::Ready(Err(failure)), Some(envelope)) = (polled, facts.envelope())
            && let Some(next) = failed(core, envelope, index, local, NonZeroU32::MIN, failure)
        {
            rest.push((index, Step::Again(next)));
        }
        facts.again();
    }
    (facts.into_envelope(), Rest(rest))
}

/// Handles a message: each of its handlers until it succeeds or its attempts are used up.
pub(super) async fn handle(core: &Arc<Core>, envelope: Arc<Envelope>, attempts: &mut Attempts) {
    let place = loop {
        core.queue.resumed().await;
        let Ok(place) = Arc::clone(&core.in_flight).acquire_owned().await else {
            return;
        };
        // It may have been paused since.
        if !core.queue.is_paused() {
            break place;
        }
    };
    let mut fresh = Some(envelope);
    let first = poll_fn(|cx| {
        Poll::Ready(
            fresh
                .take()
                .map(|envelope| first_polls(core, envelope, attempts, cx)),
        )
    });
    if let Some((Some(envelope), rest)) = first.await
        && !rest.is_empty()
    {
        finish(core, &envelope, rest, Some(place)).await;
    }
}

/// Handles what is left of a message. `place` is among those that run at once; it is given back as
/// soon as no first attempt runs any more.
pub(super) async fn finish(
    core: &Arc<Core>,
    envelope: &Arc<Envelope>,
    rest: Rest,
    place: Option<OwnedSemaphorePermit>,
) {
    let place = place.map(Arc::new);
    let handlers = rest.0.into_iter().filter_map(|(index, step)| {
        let local = core.table.row(envelope.info)?.handlers.get(index)?;
        let place = place.clone();
        Some(deliver(core, envelope, index, local, step, place))
    });
    let mut handlers: Vec<_> = handlers.collect();
    drop(place);
    match handlers.len() {
        1 => {
            if let Some(handler) = handlers.pop() {
                handler.await;
            }
        }
        _ => {
            join_all(handlers).await;
        }
    }
}

/// One handler's attempts.
async fn deliver(
    core: &Arc<Core>,
    envelope: &Arc<Envelope>,
    index: usize,
    local: &Local,
    step: Step,
    place: Option<Arc<OwnedSemaphorePermit>>,
) {
    let first = NonZeroU32::MIN;
    let mut claimant = Claimant::default();
    let mut next = match step {
        Step::Fresh => {
            // It waits for a place, and maybe for its own limit before that.
            drop(place);
            once(core, envelope, index, local, first, &mut claimant).await
        }
        Step::Running(mut running) => {
            let result = poll_fn(|cx| running.as_mut().resume(cx)).await;
            drop((running, place));
            match result {
                Ok(()) => None,
                Err(failure) => failed(core, envelope, index, local, first, failure),
            }
        }
        Step::Again(next) => {
            drop(place);
            Some(next)
        }
    };
    while let Some(Next { attempt, after }) = next {
        tokio::time::sleep(after).await;
        next = once(core, envelope, index, local, attempt, &mut claimant).await;
    }
}

/// One attempt with a place of its own, once the node is not paused. Returns the next one, if there
/// is one.
async fn once(
    core: &Arc<Core>,
    envelope: &Arc<Envelope>,
    index: usize,
    local: &Local,
    attempt: NonZeroU32,
    claimant: &mut Claimant,
) -> Option<Next> {
    let _places = loop {
        core.queue.resumed().await;
        // The handler's own limit first: what waits for it takes nothing from the others.
        let permit = local.permit().await;
        // Never closed, so this waits and nothing else.
        let place = core.in_flight.acquire().await.ok();
        // It may have been paused since.
        if !core.queue.is_paused() {
            break (permit, place);
        }
    };
    let facts = Facts::stored(Arc::clone(envelope), attempt);
    let pick = Pick::Handler(index);
    let may_start = || !core.queue.is_paused();
    match execute::run(core, envelope, pick, local, facts, claimant, &may_start).await {
        Ok(()) => None,
        Err(failure) => failed(core, envelope, index, local, attempt, failure),
    }
}

/// After a failed attempt: the next one. Where there is none, the message is a dead letter.
fn failed(
    core: &Core,
    envelope: &Envelope,
    index: usize,
    local: &Local,
    attempt: NonZeroU32,
    failure: Failure,
) -> Option<Next> {
    let Some(after) = local.retry.next(attempt.get(), failure.fault) else {
        telemetry::dead_lettered(core, local.info, envelope, attempt, &failure);
        let dead = &core.queue.dead;
        dead.push(core, envelope, index, local.info, attempt, failure);
        return None;
    };
    telemetry::retrying(core, local.info, envelope, attempt, &failure, after);
    let attempt = attempt.saturating_add(u32::from(failure.counts));
    Some(Next { attempt, after })
}
