//! What is in a lane runs, one after the other.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use super::Engine;
use super::attempts::{bury_again, handlers, wanted};
use super::foreign::foreign;
use super::item::{Content, Item};
use super::letters::{BurialCause, bury_whole};
use super::refetch::payload_of;
use super::suspects;
use super::waiter::Waiter;
use crate::delivery::lanes::Resume;
use crate::node::Core;

/// How an item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is handled: it can be acknowledged.
    Handled,
    /// It is a dead letter, and acknowledged with that.
    Buried,
    /// The broker does not have it any more.
    Gone,
    /// Another node has to handle it: it is given back.
    Elsewhere,
}

/// Runs what is first in a lane, and then whatever comes behind it.
pub(super) async fn lane(mut lane_run: LaneRun) {
    lane_run.begun = true;
    while lane_run.inside {
        if let Some(item) = &lane_run.item {
            run(&lane_run.core, &lane_run.engine, item).await;
            lane_run.item = None;
        }
        lane_run.leave();
        if lane_run.inside {
            tokio::task::consume_budget().await;
        }
    }
}

/// Runs what was waiting behind a call.
pub(super) fn resume(core: &Arc<Core>, engine: &Arc<Engine>) -> Resume<Waiter> {
    let (core, engine) = (Arc::clone(core), Arc::clone(engine));
    Arc::new(move |key, waiter| {
        let item = waiter.item(&engine, key);
        let lane_run = LaneRun::of(&core, &engine, Some(Arc::clone(key)), item);
        core.spawn(Box::pin(lane(lane_run)));
    })
}

/// The run of a lane, message after message: the lane is left, whatever happens.
pub(super) struct LaneRun {
    core: Arc<Core>,
    engine: Arc<Engine>,
    key: Option<Arc<str>>,
    /// What runs; `None` if that which has its turn is not waited for any more.
    item: Option<Item>,
    inside: bool,
    /// Whether its task has run at all.
    begun: bool,
}

impl LaneRun {
    /// That of an item which is first in its lane, or has none.
    pub(super) fn new(core: &Arc<Core>, engine: &Arc<Engine>, item: Item) -> Self {
        Self::of(core, engine, item.key.clone(), Some(item))
    }

    fn of(
        core: &Arc<Core>,
        engine: &Arc<Engine>,
        key: Option<Arc<str>>,
        item: Option<Item>,
    ) -> Self {
        Self {
            core: Arc::clone(core),
            engine: Arc::clone(engine),
            key,
            item,
            inside: true,
            begun: false,
        }
    }

    /// Makes room for the next one in the lane, and takes that up. Outside, there was none.
    fn leave(&mut self) {
        self.inside = false;
        let Some(key) = &self.key else {
            return;
        };
        let lanes = &self.engine.lanes;
        if let Some(next) = lanes.leave(key, || resume(&self.core, &self.engine)) {
            self.inside = true;
            self.item = next.item(&self.engine, key);
        }
    }
}

impl Drop for LaneRun {
    fn drop(&mut self) {
        self.item = None;
        if !self.inside {
            return;
        }
        if !self.begun {
            // Its runtime has ended, and takes no task any more: whoever is next would come here, too.
            self.engine.lanes.close();
            return;
        }
        // Dropped with its node, nothing goes on: the lanes are closed then.
        self.leave();
        if self.inside {
            let next = Self::of(&self.core, &self.engine, self.key.clone(), self.item.take());
            self.core.spawn(Box::pin(lane(next)));
        }
    }
}

async fn run(core: &Arc<Core>, engine: &Arc<Engine>, item: &Item) {
    if let Some(end) = run_alone(core, engine, item).await {
        // First of all: that it is handled must not wait for a broker that is away.
        engine.ended(item, end);
        item.rest();
        suspects::acquit(engine, item).await;
    } else {
        suspects::spared(engine, item).await;
    }
}

/// Runs one item until it is handled. `None` if its term ends before: what ran is dropped, and
/// whoever has the message next handles it.
pub(super) async fn run_alone(core: &Arc<Core>, engine: &Arc<Engine>, item: &Item) -> Option<End> {
    if item.term.has_ended() {
        return None;
    }
    // Behind a box, which is made only where it waits: so is all that most messages do not come to,
    // since each that runs has room for it.
    let ended = pin!(async { Box::pin(item.term.ended()).await });
    let handled = pin!(handle(core, engine, item));
    match select(handled, ended).await {
        Either::Left((end, _)) => Some(end),
        Either::Right(_) => None,
    }
}

/// Handles one item.
async fn handle(core: &Arc<Core>, engine: &Arc<Engine>, item: &Item) -> End {
    let Some(payload) = payload_of(core, engine, item).await else {
        return End::Gone;
    };
    // Nothing is awaited behind the handlers: if the term ended meanwhile, what they did would be
    // forgotten.
    match &payload.content {
        Content::Message(_, envelope) => {
            if let Some(crashes) = suspects::condemned(engine, item).await {
                let death = BurialCause::Crashes(crashes);
                return Box::pin(bury_whole(core, engine, item, &payload.content, &death)).await;
            }
            let info = envelope.info;
            let only = wanted(core, envelope);
            // What waits for its next attempt gives its payload up.
            drop(payload);
            match only {
                Ok(only) => handlers(core, engine, item, info, only).await,
                Err(path) => Box::pin(bury_again(core, engine, item, &path)).await,
            }
        }
        Content::Foreign(entry) => {
            let name = entry.name.clone();
            drop(payload);
            Box::pin(foreign(core, engine, item, &name)).await
        }
        content @ (Content::Unreadable(_) | Content::Malformed(_)) => {
            Box::pin(bury_whole(
                core,
                engine,
                item,
                content,
                &BurialCause::Unreadable,
            ))
            .await
        }
    }
}
