//! The first polls of what came together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::consume_budget;
use tokio::time::Instant;

use crate::delivery::BoxFuture;
use crate::delivery::queue::spawn;
use crate::node::Core;

/// How many share a task for their first polls. Few enough that other threads have a part of what
/// came together.
const TOGETHER: usize = 32;
/// After this time whoever is left in a task gets one of its own: a handler that computes for long
/// keeps nobody waiting behind it.
const SOON: Duration = Duration::from_micros(200);

/// Runs what came together. Most is at its end with its first poll, and a task for each would cost
/// more than that; what waits for something gets its task then.
pub(super) fn start_all(core: &Arc<Core>, mut started: Vec<BoxFuture<'static, ()>>) {
    while started.len() > TOGETHER {
        let some = started.split_off(started.len() - TOGETHER);
        spawn(core, Box::pin(poll_all(Arc::clone(core), some)));
    }
    match <[_; 1]>::try_from(started) {
        Ok([one]) => spawn(core, one),
        Err(started) => spawn(core, Box::pin(poll_all(Arc::clone(core), started))),
    }
}

async fn poll_all(core: Arc<Core>, started: Vec<BoxFuture<'static, ()>>) {
    let begun = Instant::now();
    for mut running in started {
        let pending = begun.elapsed() > SOON || {
            // Whatever it waits for is asked again by its own task.
            let mut nobody = Context::from_waker(Waker::noop());
            // Its panic ends nobody else. Dropped, it leaves its lane as ever.
            let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(&mut nobody)));
            matches!(polled, Ok(Poll::Pending))
        };
        if pending {
            spawn(&core, running);
        }
        consume_budget().await;
    }
}
