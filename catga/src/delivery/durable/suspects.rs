//! Messages that may have been running when a node died.
//!
//! A message that ends the process that handles it would end one node after the other. How often
//! one was started after a crash is counted in the broker; nothing else pays for it. The count
//! rises at the start and falls when the attempt ends and the node lives, so that a message which
//! only waited while others ended nodes is never blamed for it.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::{Either, Ready, ready};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, SemaphorePermit};

use super::Engine;
use super::item::Item;
use super::partition::Fingerprint;
use super::patience::Patience;
use crate::message::ContentType;
use crate::transport::{BoxFuture, Expect, Revision, TransportError, WriteError};

/// A count outlives the longest outage that anybody waits for.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is awaited of a suspect, which nearly no message is: behind a box, since each message that
/// runs has room for it.
type OfSuspect<'a, T> = Either<Ready<T>, BoxFuture<'a, T>>;

fn of_suspect<'a, T, F>(
    item: &'a Item,
    of_others: T,
    look: impl FnOnce(&'a Suspicion) -> F,
) -> OfSuspect<'a, T>
where
    F: Future<Output = T> + Send + 'a,
{
    match item.suspicion.as_deref() {
        Some(suspicion) => Either::Right(Box::pin(look(suspicion))),
        None => Either::Left(ready(of_others)),
    }
}

/// What is known of a suspect, by all of its handlers together.
#[derive(Debug, Default)]
pub(super) struct Suspicion(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// How many starts ended with their node, those of this node left out.
    starts: u32,
    /// Where the broker has the count.
    at: Option<Revision>,
    /// Attempts that run here: the count is raised while there are any.
    running: usize,
}

/// How many starts of an entry ended with their node, as the broker has it.
#[derive(Debug, Serialize, Deserialize)]
struct Count {
    fingerprint: Fingerprint,
    crashes: u32,
    /// What counted last: a count whose reply was lost is not made again.
    by: String,
}

/// In how many crashes a message was running, if it may not be started once more. Asks the broker
/// until it answers.
pub(super) fn condemned<'a>(
    engine: &'a Engine,
    item: &'a Item,
) -> OfSuspect<'a, Option<NonZeroU32>> {
    of_suspect(item, None, |suspicion| judge(engine, item, suspicion))
}

async fn judge(engine: &Engine, item: &Item, suspicion: &Suspicion) -> Option<NonZeroU32> {
    let mut known = suspicion.0.lock().await;
    let mut patience = Patience::new();
    let (starts, at) = loop {
        match read(engine, item).await {
            Ok((count, at)) => break (count.map_or(0, |count| count.crashes), at),
            Err(error) => {
                let failed = "the crashes of a message could not be looked up";
                patience.wait(engine, failed, &error).await;
            }
        }
    };
    (known.starts, known.at) = (starts, at);
    // The owner that died first had not counted. An entry of the shared queue may have been taken
    // before and given back by a node that lives: only what was counted is known.
    let first = u32::from(item.ticket.is_none());
    NonZeroU32::new(starts.saturating_add(first))
        .filter(|crashes| *crashes >= engine.limits.crashes)
}

/// Waits until no other suspect runs on this node, if it was started before and its node died: if
/// it does it again, the others are not blamed.
pub(super) fn turn<'a>(
    engine: &'a Engine,
    item: &'a Item,
) -> OfSuspect<'a, Option<SemaphorePermit<'a>>> {
    of_suspect(item, None, |suspicion| async move {
        let starts = suspicion.0.lock().await.starts;
        if starts == 0 {
            return None;
        }
        // Never closed, so this waits and nothing else.
        engine.alone.acquire().await.ok()
    })
}

/// Counts a start, right before it.
pub(super) fn count<'a>(
    engine: &'a Engine,
    item: &'a Item,
) -> OfSuspect<'a, Result<(), TransportError>> {
    of_suspect(item, Ok(()), |suspicion| async move {
        let mut known = suspicion.0.lock().await;
        known.running += 1;
        let raised = match known.running {
            1 => raise(engine, item, &mut known).await,
            _ => Ok(()),
        };
        if raised.is_err() {
            known.running -= 1;
        }
        raised
    })
}

/// An attempt that was counted has ended, and the node lives.
pub(super) fn survived<'a>(engine: &'a Engine, item: &'a Item) -> OfSuspect<'a, ()> {
    of_suspect(item, (), |suspicion| async move {
        let mut known = suspicion.0.lock().await;
        known.running = known.running.saturating_sub(1);
        if known.running == 0 {
            lower(engine, item, &mut known).await;
        }
    })
}

/// What ran of it was dropped, and the node lives. One that has stopped does nothing more: whoever
/// takes over sees no difference to one that died.
pub(super) fn spared<'a>(engine: &'a Engine, item: &'a Item) -> OfSuspect<'a, ()> {
    of_suspect(item, (), |suspicion| async move {
        if engine.cluster.has_stopped() {
            return;
        }
        let mut known = suspicion.0.lock().await;
        if std::mem::take(&mut known.running) > 0 {
            lower(engine, item, &mut known).await;
        }
    })
}

/// It came to its end, whatever that was, and the node lives.
pub(super) fn acquit<'a>(engine: &'a Engine, item: &'a Item) -> OfSuspect<'a, ()> {
    of_suspect(item, (), |suspicion| async move {
        if suspicion.0.lock().await.at.is_none() {
            return;
        }
        let (name, marks) = (name(item), engine.cluster.transport.marks());
        let remove = marks.remove(&engine.service, &name, None);
        // Otherwise it expires.
        let _ = engine.cluster.limited("remove a count", remove).await;
    })
}

async fn raise(engine: &Engine, item: &Item, known: &mut Known) -> Result<(), TransportError> {
    let crashes = known.starts.saturating_add(1);
    loop {
        match write(engine, item, crashes, known.at).await {
            Ok(at) => {
                known.at = Some(at);
                return Ok(());
            }
            // Its own write whose reply was lost, or that of a life that has ended.
            Err(WriteError::Conflict) => {
                let (count, at) = read(engine, item).await?;
                known.at = at;
                if count.is_some_and(|count| count.crashes == crashes && count.by == by(item)) {
                    return Ok(());
                }
            }
            Err(WriteError::Transport(error)) => return Err(error),
        }
    }
}

/// Makes the count what it was before the start. If that fails it stays too high, which is made
/// good by the next end of an attempt here.
async fn lower(engine: &Engine, item: &Item, known: &mut Known) {
    if let Ok(at) = write(engine, item, known.starts, known.at).await {
        known.at = Some(at);
    }
}

async fn read(
    engine: &Engine,
    item: &Item,
) -> Result<(Option<Count>, Option<Revision>), TransportError> {
    let (name, marks) = (name(item), engine.cluster.transport.marks());
    let read = marks.read(&engine.service, &name);
    let Some(found) = engine.cluster.limited("read a count", read).await?.record else {
        return Ok((None, None));
    };
    let count = ContentType::Json.decode::<Count>(&found.value).ok();
    // Another entry had this sequence before.
    let count = count.filter(|count| count.fingerprint == item.fingerprint);
    Ok((count, Some(found.revision)))
}

async fn write(
    engine: &Engine,
    item: &Item,
    crashes: u32,
    at: Option<Revision>,
) -> Result<Revision, WriteError> {
    let count = Count {
        fingerprint: item.fingerprint,
        crashes,
        by: by(item),
    };
    let value = ContentType::Json
        .encode(&count)
        .map_err(|error| TransportError::new("encode a count", error))?;
    let expect = at.map_or(Expect::Absent, Expect::Revision);
    let (name, marks) = (name(item), engine.cluster.transport.marks());
    let write = marks.write(&engine.service, &name, value, expect, Some(KEPT));
    let written = engine.cluster.limited("write a count", write).await?;
    Ok(written.revision)
}

fn by(item: &Item) -> String {
    match &item.ticket {
        Some(ticket) => ticket.token.to_string(),
        None => item.term.epoch.to_string(),
    }
}

fn name(item: &Item) -> String {
    let sequence = item.position.sequence;
    match item.ticket {
        Some(_) => format!("crashes-shared-{sequence}"),
        None => format!("crashes-{}-{sequence}", item.term.partition),
    }
}
