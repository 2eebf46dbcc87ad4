use std::time::Duration;

/// How often a node beats, and how long without a beat it is taken to be alive, unless the broker
/// needs longer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) heartbeat: Duration,
    pub(crate) node_timeout: Duration,
    pub(crate) partitions: u32,
}

impl Settings {
    pub(crate) const DEFAULT: Self = Self {
        heartbeat: Duration::from_secs(3),
        node_timeout: Duration::from_secs(10),
        partitions: crate::routing::DEFAULT_PARTITIONS,
    };

    /// A lease ends this long after the last confirmed beat was sent: before anyone else may
    /// take over, by one second or a tenth, whichever is more.
    pub(crate) fn lease(&self) -> Duration {
        let margin =
            (self.node_timeout / 10).max(Duration::from_secs(1).min(self.node_timeout / 2));
        self.node_timeout - margin
    }
}
