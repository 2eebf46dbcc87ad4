use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what is under way, and tells when nothing is.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    count: AtomicUsize,
    idle: Notify,
}

impl Gauge {
    // Sequentially consistent throughout: whoever enters and then finds the node running is seen
    // by whoever stops the node and then counts.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub(crate) fn enter(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Enters, and leaves when the guard is dropped.
    pub(crate) fn entered(&self) -> Entered<'_> {
        self.enter();
        Entered(self)
    }

    pub(crate) fn leave(&self) {
        if self.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.idle.notify_waiters();
        }
    }

    /// Completes once nothing is under way.
    ///
    /// Cancel safe.
    pub(crate) async fn idle(&self) {
        loop {
            let mut notified = std::pin::pin!(self.idle.notified());
            notified.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// One of those that are under way.
#[derive(Debug)]
pub(crate) struct Entered<'a>(&'a Gauge);

impl Entered<'_> {
    /// Stays entered; somebody else leaves.
    pub(crate) fn stay(self) {
        let _ = std::mem::ManuallyDrop::new(self);
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
