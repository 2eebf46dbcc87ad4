use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// What a node is doing; it only ever goes on to a later phase.
///
/// # Examples
///
/// A readiness probe:
///
/// ```
/// use catga::Node;
/// use catga::node::Phase;
///
/// fn is_ready(node: &Node) -> bool {
///     node.phase() == Phase::Running
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let node = Node::builder("orders").only(|_| false).start().await?;
/// assert!(is_ready(&node));
/// node.shutdown().await?;
/// assert!(!is_ready(&node));
/// assert!(Phase::Running < Phase::Draining && Phase::Draining < Phase::Stopped);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// It takes messages.
    Running,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It has left.
    Stopped,
}

/// The phase of a node; it only ever goes forward.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
    /// Whether the phase is past `Running`: one load on the hot path.
    refuses: AtomicBool,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Running),
            refuses: AtomicBool::new(false),
        }
    }

    /// Whether new messages are refused.
    #[inline]
    pub(crate) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    /// Whether a message is refused. A node that drains still takes what its own handlers send,
    /// since that is part of what it finishes.
    pub(crate) fn refuses_from(&self, handler: bool) -> bool {
        self.refuses.load(Ordering::SeqCst) && (!handler || self.phase() == Phase::Stopped)
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to a later phase; `false` if it was there already.
    pub(crate) fn advance(&self, to: Phase) -> bool {
        self.refuses.store(true, Ordering::SeqCst);
        self.phase.send_if_modified(|phase| {
            let later = to > *phase;
            if later {
                *phase = to;
            }
            later
        })
    }

    /// Completes once the node has stopped.
    ///
    /// Cancel safe.
    pub(crate) async fn stopped(&self) {
        let mut phase = self.phase.subscribe();
        // The sender is a field of `self`, so it cannot be gone.
        let _ = phase.wait_for(|phase| *phase == Phase::Stopped).await;
    }
}
