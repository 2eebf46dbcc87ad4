use std::collections::BTreeMap;
use std::sync::Arc;

use super::Load;
use crate::node::NodeId;

/// A node that could be picked.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::routing::{Candidate, Load};
///
/// let node = Candidate::named("orders-a")
///     .with_metadata("zone", "eu-1")
///     .with_load(Load::new(3, Duration::from_micros(250)));
/// assert_eq!(node.id().as_str(), "orders-a");
/// assert_eq!(node.metadata()["zone"], "eu-1");
/// assert_eq!(node.load().total(), 3);
/// assert_eq!(node.incarnation(), 0);
/// ```
#[derive(Debug, Clone)]
pub struct Candidate {
    id: NodeId,
    incarnation: u64,
    load: Arc<Load>,
    metadata: Arc<BTreeMap<String, String>>,
}

impl Candidate {
    /// What the cluster knows of a node; `load` stays the same from view to view.
    pub(crate) const fn new(
        id: NodeId,
        incarnation: u64,
        load: Arc<Load>,
        metadata: Arc<BTreeMap<String, String>>,
    ) -> Self {
        Self {
            id,
            incarnation,
            load,
            metadata,
        }
    }

    /// An idle node of this name, for a test of a strategy.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self::new(NodeId::new(id), 0, Arc::default(), Arc::default())
    }

    /// The same node with this load.
    #[must_use]
    pub fn with_load(mut self, load: Load) -> Self {
        self.load = Arc::new(load);
        self
    }

    /// The same node with one more entry of metadata.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.metadata).insert(name.into(), value.into());
        self
    }

    /// The node's name.
    #[inline]
    #[must_use]
    pub const fn id(&self) -> &NodeId {
        &self.id
    }

    /// Which life of the node this is: it rises when the node starts again or was declared dead.
    #[inline]
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// How busy the node is; it changes while the view stays the same.
    #[inline]
    #[must_use]
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// The same, to count a request that is sent there.
    #[inline]
    pub(crate) const fn shared_load(&self) -> &Arc<Load> {
        &self.load
    }

    /// What the node says of itself.
    #[inline]
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_load_is_shown_without_what_holds_it() {
        let of = |load| Candidate::named("a").with_load(Load::new(load, Duration::ZERO));
        let nodes = [of(3), of(1)];
        let loads = nodes.iter().map(Candidate::load);
        assert_eq!(loads.map(Load::total).min(), Some(1));
    }
}
