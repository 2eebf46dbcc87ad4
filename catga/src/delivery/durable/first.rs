//! The first polls of what came together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Fuse;
use tokio::task::consume_budget;
use tokio::time::Instant;

use crate::node::Core;

/// How many share a task for their first polls. Few enough that other threads have a part of what
/// came together.
const TOGETHER: usize = 32;
/// After this time whoever is left in a task gets one of its own: a handler that computes for long
/// keeps nobody waiting behind it.
const SOON: Duration = Duration::from_micros(200);

/// Runs what came together. Most is at its end with its first poll, and a task for each would cost
/// more than that, as would a place in memory for each: what waits for something gets both then.
pub(super) fn start_all<T, F>(core: &Arc<Core>, mut started: Vec<T>, run: fn(T) -> F)
where
    T: Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    // All of it may be behind others.
    if started.is_empty() {
        return;
    }
    while started.len() > TOGETHER {
        let some = started.split_off(started.len() - TOGETHER);
        core.spawn(Box::pin(poll_all(Arc::clone(core), some, run)));
    }
    match <[_; 1]>::try_from(started) {
        Ok([one]) => core.spawn(Box::pin(run(one))),
        Err(started) => core.spawn(Box::pin(poll_all(Arc::clone(core), started, run))),
    }
}

async fn poll_all<T, F>(core: Arc<Core>, started: Vec<T>, run: fn(T) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let begun = Instant::now();
    let mut place = Box::pin(Fuse::terminated());
    for one in started {
        place.set(run(one).fuse());
        let pending = begun.elapsed() > SOON || {
            // Whatever it waits for is asked again by its own task.
            let mut nobody = Context::from_waker(Waker::noop());
            // Its panic ends nobody else. Dropped, it leaves its lane as ever.
            let polled = catch_unwind(AssertUnwindSafe(|| place.as_mut().poll(&mut nobody)));
            matches!(polled, Ok(Poll::Pending))
        };
        if pending {
            let waiting = std::mem::replace(&mut place, Box::pin(Fuse::terminated()));
            core.spawn(waiting);
        }
        consume_budget().await;
    }
}
