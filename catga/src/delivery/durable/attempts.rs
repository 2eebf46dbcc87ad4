use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use tokio::sync::SemaphorePermit;
use tokio::time::sleep;

use super::Engine;
use super::item::{Content, Item};
use super::letters::{BurialCause, bury, bury_whole};
use super::patience::Patience;
use super::refetch::payload_of;
use super::run::End;
use super::suspects;
use super::term::{MOMENT, Running};
use crate::delivery::{Claimant, Envelope, Failure, execute};
use crate::handler::{Facts, Pick};
use crate::message::MessageInfo;
use crate::node::Core;
use crate::telemetry;
use crate::transport::REPLAY_HANDLER;
use crate::wiring::Local;

/// What waits for this long before its next attempt gives its payload up.
const LONG: Duration = Duration::from_secs(1);

/// Runs all handlers of a message that are not at their end, or `only` one of them.
pub(super) async fn handlers(
    core: &Arc<Core>,
    engine: &Arc<Engine>,
    item: &Item,
    info: &'static MessageInfo,
    only: Option<usize>,
) -> End {
    let row = handlers_of(core, info);
    // Most have one handler, and nothing is allocated for no others.
    let (first, others): (_, Vec<(usize, &Local)>) = {
        let mut due = row
            .iter()
            .enumerate()
            .filter(|(index, _)| only.is_none_or(|only| only == *index))
            .filter(|(_, local)| !item.progress(|progress| progress.is_done(local.info)));
        (due.next(), due.collect())
    };
    let Some(first) = first else {
        return End::Handled;
    };
    let left = AtomicUsize::new(1 + others.len());
    let several = row.len() > 1;
    let deliver = |(index, local)| {
        let delivery = HandlerDelivery {
            core,
            engine,
            item,
            index,
            local,
            several,
            left: &left,
        };
        delivery.deliver()
    };
    if others.is_empty() {
        return deliver(first).await;
    }
    let all = std::iter::once(first).chain(others);
    let mut ends = Box::pin(join_all(all.map(deliver))).await.into_iter();
    // The last one decides whether the message is acknowledged already.
    ends.find(|end| *end != End::Handled)
        .unwrap_or(End::Handled)
}

fn handlers_of<'a>(core: &'a Core, info: &'static MessageInfo) -> &'a [Local] {
    core.table.row(info).map_or(&[], |row| &row.handlers)
}

/// The one handler that a replay is for; its path where this node does not have it. Never the others
/// then: they have handled it.
pub(super) fn wanted(core: &Core, envelope: &Envelope) -> Result<Option<usize>, String> {
    let Some(path) = envelope.headers.get(REPLAY_HANDLER) else {
        return Ok(None);
    };
    let handlers = handlers_of(core, envelope.info);
    let index = handlers.iter().position(|local| local.info.path() == path);
    index.map(Some).ok_or_else(|| path.to_owned())
}

/// A replay for a handler that this node does not have is the letter that it was. Nobody knows which
/// handlers the others have, so it does not wait for them.
pub(super) async fn bury_again(
    core: &Arc<Core>,
    engine: &Arc<Engine>,
    item: &Item,
    handler: &str,
) -> End {
    let Some(payload) = payload_of(core, engine, item).await else {
        return End::Gone;
    };
    let death = BurialCause::NoHandler(handler);
    bury_whole(core, engine, item, &payload.content, &death).await
}

/// An attempt that has ended.
struct Attempted<'a> {
    envelope: Arc<Envelope>,
    result: Result<(), Failure>,
    /// Kept until what comes of it is written down: before, the partition must not be given away.
    running: Running,
    /// Held until it is known that the node lives.
    alone: Option<SemaphorePermit<'a>>,
}

/// The turn among the suspects, the place under the handler's own limit, and the place among all
/// that run.
type Places<'a> = (
    Option<SemaphorePermit<'a>>,
    Option<SemaphorePermit<'a>>,
    Option<SemaphorePermit<'a>>,
);

/// One handler of one message.
struct HandlerDelivery<'a> {
    core: &'a Arc<Core>,
    engine: &'a Arc<Engine>,
    item: &'a Item,
    index: usize,
    local: &'a Local,
    /// Whether the message has other handlers, too.
    several: bool,
    /// How many of them are not at their end.
    left: &'a AtomicUsize,
}

impl HandlerDelivery<'_> {
    /// Tries until the handler succeeds or its attempts are used up.
    async fn deliver(self) -> End {
        let Self { item, local, .. } = &self;
        // Where it is given up, an owner before made the last attempt and did not come to its dead
        // letter.
        let (mut failures, mut given_up) =
            item.progress(|so_far| (so_far.failures(local.info), so_far.given_up(local.info)));
        let mut claimant = Claimant::default();
        loop {
            let made = u32::from(given_up.is_some());
            let attempt = NonZeroU32::MIN.saturating_add(failures.saturating_sub(made));
            let attempted = self.attempt(attempt, given_up.take(), &mut claimant);
            let Attempted {
                envelope,
                result,
                running,
                alone,
            } = match attempted.await {
                Ok(attempted) => attempted,
                Err(end) => return end,
            };
            let Err(failure) = result else {
                if self.finish(running) > 0 {
                    suspects::survived(self.engine, item).await;
                }
                return End::Handled;
            };
            let next = local.retry.next(attempt.get(), failure.fault);
            match next {
                Some(_) if failure.counts => {
                    failures = attempt.get();
                    item.progress(|progress| progress.failed(local.info, failures));
                }
                Some(_) => {}
                None => {
                    item.progress(|so_far| so_far.gives_up(local.info, attempt.get(), &failure));
                }
            }
            self.engine.tried(item);
            suspects::survived(self.engine, item).await;
            drop(alone);
            match next {
                Some(delay) => {
                    telemetry::retrying(self.core, local.info, &envelope, attempt, &failure, delay);
                    drop((envelope, running));
                    self.wait(delay).await;
                }
                None => {
                    telemetry::dead_lettered(self.core, local.info, &envelope, attempt, &failure);
                    return Box::pin(self.bury(attempt, &failure, running)).await;
                }
            }
        }
    }

    /// One attempt, unless it was `made` and failed, the broker does not have the message any more,
    /// or another node is to have it.
    async fn attempt(
        &self,
        attempt: NonZeroU32,
        made: Option<Failure>,
        claimant: &mut Claimant,
    ) -> Result<Attempted<'_>, End> {
        let Self {
            core,
            engine,
            item,
            local,
            ..
        } = self;
        let mut patience = Patience::new();
        loop {
            if self.is_free() && item.term.is_stopping() {
                return Err(End::Elsewhere);
            }
            let all = match self.places_now() {
                Some(all) => Some(all),
                None => {
                    self.make_room();
                    Box::pin(self.places()).await
                }
            };
            let Some((alone, _permit, _place)) = all else {
                continue;
            };
            let payload = payload_of(core, engine, item).await.ok_or(End::Gone)?;
            let Content::Message(_, envelope) = &payload.content else {
                return Err(End::Gone);
            };
            if let Err(error) = suspects::count(engine, item).await {
                drop((_place, _permit, alone));
                let failed = "the start of a message could not be counted";
                Box::pin(patience.wait(engine, failed, &error)).await;
                continue;
            }
            let Some(running) = item.term.start(&engine.cluster) else {
                drop((_place, _permit));
                suspects::survived(engine, item).await;
                drop(alone);
                sleep(MOMENT).await;
                continue;
            };
            let result = if let Some(failure) = made {
                Err(failure)
            } else {
                let facts = Facts::stored(Arc::clone(envelope), attempt);
                let pick = Pick::Handler(self.index);
                let may_start = || item.term.may_start(&engine.cluster);
                execute::run(core, envelope, pick, local, facts, claimant, &may_start).await
            };
            return Ok(Attempted {
                envelope: Arc::clone(envelope),
                result,
                running,
                alone,
            });
        }
    }

    /// What waits for an attempt takes no room from others: for long, where its partition is about
    /// to be given away, and where much was fetched without room.
    fn make_room(&self) {
        let Self { engine, item, .. } = self;
        if item.ticket.is_some() {
            return;
        }
        if item.term.is_stopping() {
            engine.block(item);
            item.lighten();
        } else if engine.room.is_overdrawn() {
            item.lighten();
        }
    }

    /// What an attempt waits for, where it does not have to.
    fn places_now(&self) -> Option<Places<'_>> {
        let is_limited = self.local.info.concurrency().is_some();
        if is_limited || self.item.suspicion.is_some() || !self.item.term.is_running() {
            return None;
        }
        let place = self.core.in_flight.try_acquire().ok()?;
        Some((None, None, Some(place)))
    }

    /// What an attempt waits for, while its term runs; `None` once that is stopped.
    async fn places(&self) -> Option<Places<'_>> {
        let Self {
            core,
            engine,
            item,
            local,
            ..
        } = self;
        item.term.open().await;
        let waits = async {
            // What waits for its turn among the suspects takes nothing from the others.
            let alone = suspects::turn(engine, item).await;
            // The handler's own limit first: what waits for it takes nothing from the others.
            let permit = local.permit().await;
            // Never closed, so this waits and nothing else.
            (alone, permit, core.in_flight.acquire().await.ok())
        };
        let stopped = pin!(item.term.stopped());
        match select(pin!(waits), stopped).await {
            Either::Left((all, _)) if item.term.is_running() => Some(all),
            _ => None,
        }
    }

    /// Whether nothing is lost if another node has the message: it came from the shared queue, and
    /// no handler has begun with it.
    fn is_free(&self) -> bool {
        self.item.ticket.is_some()
            && !self.several
            && self.item.progress(|so_far| so_far.is_empty())
    }

    /// Waits for the next attempt. Only its key waits with it.
    async fn wait(&self, delay: Duration) {
        self.engine.block(self.item);
        if delay >= LONG {
            self.item.lighten();
        }
        sleep(delay).await;
    }

    async fn bury(&self, attempts: NonZeroU32, failure: &Failure, running: Running) -> End {
        let Self {
            core, engine, item, ..
        } = self;
        let Some(payload) = payload_of(core, engine, item).await else {
            return End::Gone;
        };
        let death = BurialCause::Failed {
            handler: self.local.info,
            attempts,
            failure,
        };
        let last = self.left.load(Ordering::Relaxed) == 1;
        let end = bury(core, engine, item, &payload.content, &death, last).await;
        self.finish(running);
        end
    }

    /// Returns how many are left.
    fn finish(&self, running: Running) -> usize {
        let left = self.left.fetch_sub(1, Ordering::Relaxed) - 1;
        if self.several {
            self.item
                .progress(|progress| progress.done(self.local.info));
            self.engine.tried(self.item);
        }
        if left == 0 {
            self.item.keep(running);
        }
        left
    }
}
