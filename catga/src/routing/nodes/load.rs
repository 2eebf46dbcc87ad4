use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How busy a node is, as far as this node knows.
///
/// What the node reports is a little old, and everyone hears the same. So that not everyone runs
/// to the same idle node, what this node has sent there since counts at once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::routing::Load;
///
/// let load = Load::new(3, Duration::from_micros(250));
/// assert_eq!((load.reported(), load.outstanding(), load.total()), (3, 0, 3));
/// assert_eq!(load.latency(), Duration::from_micros(250));
/// ```
#[derive(Debug, Default)]
pub struct Load {
    reported: AtomicU32,
    latency_us: AtomicU64,
    outstanding: AtomicU32,
}

impl Load {
    /// The load of a node that reported this.
    #[must_use]
    pub fn new(in_flight: u32, latency: Duration) -> Self {
        let load = Self::default();
        load.report(in_flight, latency);
        load
    }

    /// How many requests the node had in flight when it last said so.
    #[inline]
    #[must_use]
    pub fn reported(&self) -> u32 {
        self.reported.load(Relaxed)
    }

    /// How long the node takes for a request: its own moving average.
    #[inline]
    #[must_use]
    pub fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Relaxed))
    }

    /// How many requests of this node are there without an answer yet.
    #[inline]
    #[must_use]
    pub fn outstanding(&self) -> u32 {
        self.outstanding.load(Relaxed)
    }

    /// Reported and outstanding requests together.
    #[inline]
    #[must_use]
    pub fn total(&self) -> u32 {
        self.reported().saturating_add(self.outstanding())
    }

    /// Takes what the node says of itself.
    pub(crate) fn report(&self, in_flight: u32, latency: Duration) {
        self.reported.store(in_flight, Relaxed);
        let latency = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.store(latency, Relaxed);
    }

    /// Counts a request as outstanding until the guard is dropped.
    pub(crate) fn sent(self: &Arc<Self>) -> Outstanding {
        self.outstanding.fetch_add(1, Relaxed);
        Outstanding(Arc::clone(self))
    }
}

/// A request that a node has not answered yet.
#[derive(Debug)]
#[must_use = "the request counts as answered when this is dropped"]
pub(crate) struct Outstanding(Arc<Load>);

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.outstanding.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outstanding_until_dropped() {
        let load = Arc::new(Load::new(u32::MAX - 1, Duration::MAX));
        let first = load.sent();
        let second = load.sent();
        assert_eq!((load.outstanding(), load.total()), (2, u32::MAX));
        drop(first);
        load.report(5, Duration::from_micros(7));
        assert_eq!((load.outstanding(), load.total()), (1, 6));
        drop(second);
        assert_eq!((load.outstanding(), load.total()), (0, 5));
    }
}
