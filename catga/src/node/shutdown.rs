use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::options::after;
use super::{Core, Node, Phase, spawn};
use crate::delivery::{Drained, LAST_WORD};

/// Lets handlers that are inside of their first poll come to its end, so that they are counted.
///
/// A call is counted once it waits: counting before would cost each call as much as all the rest
/// of it. So this is not a promise, and the documentation of `shutdown` says what becomes of a
/// handler that computes for longer.
const FIRST_POLLS: Duration = Duration::from_millis(1);

impl Node {
    /// Stops the node: takes nothing new, finishes what runs, hands over, leaves.
    ///
    /// Without a broker it finishes what is stored, too. In a cluster that stays in the broker, and
    /// the other nodes of the service go on with it at once.
    ///
    /// Handlers may still send, enqueue and publish through their [`Context`](crate::Context).
    /// After [`Builder::drain_timeout`](super::Builder::drain_timeout) the futures of durable deliveries that still run are
    /// dropped. Safe to call again, and from several places.
    ///
    /// A node that leaves tells the next owners what it has handled, gives its keys to them and
    /// removes its record. If the broker is away, it tries that again until the drain timeout is over;
    /// it is given two seconds at least, also where handlers took all the time. If the broker stays
    /// away, that is in the log and no error: the others find the node dead after
    /// [`Builder::node_timeout`](super::Builder::node_timeout), and then they may run again what it
    /// could not acknowledge.
    ///
    /// A `send` is waited for once its handler waits for something. A handler that computes for more
    /// than a millisecond before its first `await` may not be seen: it goes on and its caller gets
    /// the answer, but what it sends or stores after the node has stopped is refused. The same
    /// holds for calls of this node that are not finished within the drain timeout.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] if something was not finished in time.
    ///
    /// # Cancellation
    ///
    /// It goes on when its future is dropped, as long as a handle of the node is there: call it again
    /// to wait for the rest.
    ///
    /// A handler that waits for it waits for itself, and is dropped when the drain timeout is over.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::{Node, SendError, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Work { millis: u64 }
    ///
    /// #[handler]
    /// async fn work(command: Work) {
    ///     tokio::time::sleep(Duration::from_millis(command.millis)).await;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .drain_timeout(Duration::from_millis(50))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue(Work { millis: 1 }).await?;
    /// node.enqueue(Work { millis: 60_000 }).await?;
    /// let unfinished = node.shutdown().await.unwrap_err();
    /// assert_eq!(unfinished.deliveries(), 1);
    /// let refused = node.send(Work { millis: 1 }).await;
    /// assert!(matches!(refused, Err(SendError::Refused(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(&self) -> Result<(), ShutdownError> {
        // A task of its own: a handler may call this, and is dropped in the end.
        let (core, (tell, told)) = (Arc::clone(&self.core), oneshot::channel());
        spawn(&self.core.runtime, async move {
            let _ = tell.send(shutdown(&core).await);
        });
        // Unless its runtime has ended, or nobody drives it any more.
        let within = self.core.drain_timeout.saturating_add(3 * LAST_WORD);
        match timeout(within, told).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => shutdown(&self.core).await,
        }
    }
}

async fn shutdown(core: &Arc<Core>) -> Result<(), ShutdownError> {
    if core.lifecycle.phase() == Phase::Stopped {
        return core.outcome.get().copied().unwrap_or(Ok(()));
    }
    let deadline = after(core.drain_timeout);
    core.lifecycle.advance(Phase::Draining);
    if let Some(cluster) = &core.cluster {
        // The others hear of it first, so that nobody is refused who can be sent elsewhere. If the
        // broker is away, handlers still have time.
        cluster.drain(core.drain_timeout / 2).await;
    }
    let under_way = || core.sends.count() + core.calls.count() + core.unfinished.count();
    let calls = timeout_at(deadline, async {
        sleep(FIRST_POLLS).await;
        // A call may store something and a delivery may call: until both are quiet at once.
        while under_way() > 0 {
            core.sends.idle().await;
            core.calls.idle().await;
            core.unfinished.idle().await;
        }
    });
    let (drained, handed) = join(calls, hand_over(core, deadline)).await;
    if handed.is_some() {
        // What succeeded last is being written down.
        let last = deadline.max(Instant::now() + LAST_WORD);
        let _ = timeout_at(last, core.unfinished.idle()).await;
    }
    let dropped = handed.as_ref().map_or(0, |handed| handed.dropped);
    let unfinished = ShutdownError {
        calls: core.sends.count() + core.calls.count(),
        deliveries: core.unfinished.count() + dropped,
    };
    let finished = drained.is_ok() && dropped == 0;
    let outcome = if finished { Ok(()) } else { Err(unfinished) };
    let outcome = *core.outcome.get_or_init(|| outcome);
    stop(core);
    if let (Some(cluster), Some(handed)) = (&core.cluster, handed) {
        // A broker that was there has a moment for this as well, and one that was not has none.
        let until = if handed.is_told {
            handed.until.max(Instant::now() + LAST_WORD)
        } else {
            handed.until
        };
        cluster.leave(until).await;
    }
    outcome
}

/// Ends what the node handles of its cluster, and gives away what it owns: the next owners start at
/// once.
async fn hand_over(core: &Arc<Core>, deadline: Instant) -> Option<Drained> {
    let (cluster, engine) = (core.cluster.as_ref()?, core.engine.as_ref()?);
    let drained = engine.drain(deadline).await;
    let is_released = cluster.release(drained.until).await;
    Some(Drained {
        is_told: drained.is_told && is_released,
        ..drained
    })
}

fn stop(core: &Core) -> bool {
    let first = core.lifecycle.advance(Phase::Stopped);
    core.queue.close();
    if let Some(engine) = &core.engine {
        engine.close();
    }
    first
}

/// Stops the node when its last handle is dropped.
#[derive(Debug)]
pub(super) struct Last(Arc<Core>);

impl Last {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self(core)
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        if let Some(cluster) = &self.0.cluster {
            cluster.vanish();
        }
        if stop(&self.0) {
            tracing::warn!(
                target: "catga",
                node = %self.0.id,
                unfinished = self.0.unfinished.count(),
                "the last handle of a node was dropped without `shutdown`: it stops at once"
            );
        }
    }
}

/// Not everything was finished within the drain timeout.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::{Node, ShutdownError, command, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[derive(Serialize, Deserialize)]
/// struct Forever;
///
/// #[handler]
/// async fn forever(_: Forever) {
///     std::future::pending::<()>().await;
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("workers")
///     .drain_timeout(Duration::from_millis(10))
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// node.enqueue(Forever).await?;
/// node.enqueue(Forever).await?;
/// let unfinished: ShutdownError = node.shutdown().await.unwrap_err();
/// assert_eq!((unfinished.deliveries(), unfinished.calls()), (2, 0));
/// assert_eq!(node.shutdown().await, Err(unfinished), "the same each time");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownError {
    calls: usize,
    deliveries: usize,
}

impl ShutdownError {
    /// Calls, of this node or of others, whose handlers were still running.
    #[must_use]
    pub const fn calls(&self) -> usize {
        self.calls
    }

    /// Stored messages that were not handled: without a broker they are lost; with one, their
    /// handlers were dropped and other nodes handle them.
    #[must_use]
    pub const fn deliveries(&self) -> usize {
        self.deliveries
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the node stopped before everything was finished (calls: {}, stored messages: {}); a longer `Builder::drain_timeout` gives them more time",
            self.calls, self.deliveries
        )
    }
}

impl std::error::Error for ShutdownError {}
