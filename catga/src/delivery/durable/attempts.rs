use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::Engine;
use super::item::{Content, Item};
use super::letters::{Death, bury, bury_whole};
use super::load::payload_of;
use super::run::End;
use crate::delivery::{Claimant, Envelope, Failure, handle};
use crate::handler::{Facts, Pick};
use crate::message::MessageInfo;
use crate::node::Core;
use crate::telemetry;
use crate::wiring::Local;

/// What waits for this long before its next attempt gives its payload up.
const LONG: Duration = Duration::from_secs(1);
/// How long to wait for the word that the lease has ended.
const MOMENT: Duration = Duration::from_millis(10);

/// The header that names the one handler that a replayed message is for.
pub(super) const REPLAY_HANDLER: &str = "catga-replay-handler";

/// Runs all handlers of a message that are not at their end.
pub(super) async fn handlers(
    core: &Arc<Core>,
    engine: &Arc<Engine>,
    item: &Item,
    info: &'static MessageInfo,
) -> End {
    let row = core.table.row(info).map_or(&[][..], |row| &row.handlers);
    let only = match wanted(item) {
        None => None,
        Some(path) => match row.iter().position(|local| local.info.path() == path) {
            Some(index) => Some(index),
            // Never the others: they have handled it.
            None => return bury_again(core, engine, item, &path).await,
        },
    };
    let due: Vec<(usize, &Local)> = row
        .iter()
        .enumerate()
        .filter(|(index, _)| only.is_none_or(|only| only == *index))
        .filter(|(_, local)| !item.progress(|progress| progress.is_done(local.info)))
        .collect();
    let left = AtomicUsize::new(due.len());
    let several = row.len() > 1;
    let deliver = |(index, local)| {
        let delivery = Delivery {
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
    let mut ends = match <[_; 1]>::try_from(due) {
        Ok([one]) => return deliver(one).await,
        Err(due) => join_all(due.into_iter().map(deliver)).await.into_iter(),
    };
    // The last one decides whether the message is acknowledged already.
    ends.find(|end| *end != End::Handled)
        .unwrap_or(End::Handled)
}

/// The one handler that a replay is for.
fn wanted(item: &Item) -> Option<String> {
    let payload = item.payload()?;
    let Content::Message(_, envelope) = &payload.content else {
        return None;
    };
    envelope.headers.get(REPLAY_HANDLER).map(ToOwned::to_owned)
}

/// A replay for a handler that this node does not have is the letter that it was. Nobody knows which
/// handlers the others have, so it does not wait for them.
async fn bury_again(core: &Arc<Core>, engine: &Arc<Engine>, item: &Item, handler: &str) -> End {
    let Some(payload) = payload_of(core, engine, item).await else {
        return End::Gone;
    };
    let death = Death::NoHandler(handler);
    bury_whole(core, engine, item, &payload.content, &death).await
}

/// One handler of one message.
struct Delivery<'a> {
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

impl Delivery<'_> {
    /// Tries until the handler succeeds or its attempts are used up.
    async fn deliver(self) -> End {
        let Self { item, local, .. } = &self;
        let mut failures = item.progress(|progress| progress.failures(local.info));
        let mut claimant = Claimant::default();
        loop {
            let attempt = NonZeroU32::MIN.saturating_add(failures);
            let Some((envelope, result)) = self.attempt(attempt, &mut claimant).await else {
                return End::Gone;
            };
            let Err(failure) = result else {
                self.finish();
                return End::Handled;
            };
            match local.retry.next(attempt.get(), failure.fault) {
                Some(delay) => {
                    telemetry::retrying(self.core, local.info, &envelope, attempt, &failure, delay);
                    drop(envelope);
                    if failure.counts {
                        failures = attempt.get();
                        item.progress(|progress| progress.failed(local.info, failures));
                        self.engine.tried(item);
                    }
                    self.wait(delay).await;
                }
                None => {
                    telemetry::dead_lettered(self.core, local.info, &envelope, attempt, &failure);
                    return self.bury(attempt, &failure).await;
                }
            }
        }
    }

    /// One attempt. `None` if the broker does not have the message any more.
    async fn attempt(
        &self,
        attempt: NonZeroU32,
        claimant: &mut Claimant,
    ) -> Option<(Arc<Envelope>, Result<(), Failure>)> {
        let Self {
            core,
            engine,
            item,
            local,
            ..
        } = self;
        loop {
            if item.term.open().await.is_err() {
                // Whoever runs this item drops it.
                std::future::pending::<()>().await;
            }
            // The handler's own limit first: what waits for it takes nothing from the others.
            let _permit = local.permit().await;
            // Never closed, so this waits and nothing else.
            let _place = core.queue.in_flight.acquire().await.ok();
            let payload = payload_of(core, engine, item).await?;
            let Content::Message(_, envelope) = &payload.content else {
                return None;
            };
            let Some(_running) = item.term.start(&engine.cluster) else {
                drop((_place, _permit));
                sleep(MOMENT).await;
                continue;
            };
            let facts = Facts::stored(Arc::clone(envelope), attempt);
            let pick = Pick::Handler(self.index);
            let result = handle::run(core, envelope, pick, local, facts, claimant).await;
            return Some((Arc::clone(envelope), result));
        }
    }

    /// Waits for the next attempt. Only its key waits with it.
    async fn wait(&self, delay: Duration) {
        self.engine.block(self.item);
        if delay >= LONG {
            self.item.lighten();
        }
        sleep(delay).await;
    }

    async fn bury(&self, attempts: NonZeroU32, failure: &Failure) -> End {
        let Self {
            core, engine, item, ..
        } = self;
        let Some(payload) = payload_of(core, engine, item).await else {
            return End::Gone;
        };
        let death = Death::Failed {
            handler: self.local.info,
            attempts,
            failure,
        };
        let last = self.left.load(Ordering::Relaxed) == 1;
        let end = bury(core, engine, item, &payload.content, &death, last).await;
        self.finish();
        end
    }

    fn finish(&self) {
        self.left.fetch_sub(1, Ordering::Relaxed);
        if self.several {
            self.item
                .progress(|progress| progress.done(self.local.info));
            self.engine.tried(self.item);
        }
    }
}
