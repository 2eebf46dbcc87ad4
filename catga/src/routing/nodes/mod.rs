//! What a strategy sees: the live nodes that handle a message.

mod candidate;
mod load;
mod rings;

use std::sync::Arc;

pub use candidate::Candidate;
pub use load::Load;

pub(crate) use load::Outstanding;

use self::rings::Rings;
use super::ring::Ring;
use super::{Target, assign};
use crate::node::NodeId;

/// Says in a table of owners that nobody owns the partition.
const NOBODY: u32 = u32::MAX;

/// All live nodes that handle a message, this one included, sorted by id.
///
/// It never changes: when the cluster does, the next message is routed over another one. A clone
/// is cheap. A node makes its own; for a test of a strategy, make one yourself.
///
/// # Examples
///
/// ```
/// use catga::routing::{Candidate, Nodes};
///
/// let nodes = Nodes::new(["b", "c", "a"].map(Candidate::named), Some("b"));
/// assert_eq!(nodes.len(), 3);
/// assert_eq!(nodes.candidates()[0].id().as_str(), "a");
/// assert_eq!(nodes.local(), Some(1));
/// ```
#[derive(Debug, Clone)]
pub struct Nodes {
    candidates: Arc<[Candidate]>,
    local: Option<usize>,
    /// By partition: the place of its owner.
    owners: Arc<[u32]>,
    /// How many owners there are, in the type that a partition has.
    partitions: u32,
    rings: Arc<Rings>,
}

impl Nodes {
    /// The view of the node named `local` over these nodes; of two with one id the later counts.
    ///
    /// `local` may be missing among them: a node need not handle what it sends.
    #[must_use]
    pub fn new(candidates: impl IntoIterator<Item = Candidate>, local: Option<&str>) -> Self {
        let mut candidates: Vec<_> = candidates.into_iter().collect();
        candidates.reverse();
        candidates.sort_by(|a, b| a.id().cmp(b.id()));
        candidates.dedup_by(|a, b| a.id() == b.id());
        let local = local.and_then(|local| position(&candidates, local));
        Self {
            candidates: candidates.into(),
            local,
            owners: Arc::default(),
            partitions: 0,
            rings: Arc::default(),
        }
    }

    /// The same nodes, with this many partitions divided among them as a cluster does it at first.
    #[must_use]
    pub fn partitioned(self, partitions: u32) -> Self {
        let members: Vec<_> = self.ids().cloned().collect();
        let owners = if members.is_empty() {
            vec![NOBODY; partitions as usize]
        } else {
            assign(&vec![None; partitions as usize], &members)
                .into_iter()
                .map(|owner| u32::try_from(owner).unwrap_or(NOBODY))
                .collect()
        };
        self.with_owners(owners.into())
    }

    /// The same nodes with these owners: by partition a place, or `u32::MAX` for nobody.
    #[must_use]
    pub(crate) fn with_owners(mut self, owners: Arc<[u32]>) -> Self {
        self.partitions = u32::try_from(owners.len()).unwrap_or(u32::MAX);
        self.owners = owners;
        self
    }

    /// The nodes, sorted by id.
    #[inline]
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// How many nodes there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether no live node handles the message.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The place of this node, if it handles the message.
    #[inline]
    #[must_use]
    pub const fn local(&self) -> Option<usize> {
        self.local
    }

    /// The place of the node with this id.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<usize> {
        position(&self.candidates, id)
    }

    /// How many partitions the service has; 0 where the view has none.
    #[inline]
    #[must_use]
    pub const fn partitions(&self) -> u32 {
        self.partitions
    }

    /// The place of a partition's owner.
    ///
    /// Where nobody owns it yet, that of the node which is going to.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::routing::{Candidate, Key, Nodes, partition_of};
    ///
    /// let nodes = Nodes::new(["a", "b"].map(Candidate::named), None).partitioned(32);
    /// let partition = partition_of(Key::from_text("order-7").fnv1a32(), nodes.partitions());
    /// assert!(nodes.owner(partition).is_some());
    /// assert_eq!(nodes.owner(32), None);
    /// ```
    #[inline]
    #[must_use]
    pub fn owner(&self, partition: u32) -> Option<usize> {
        let owner = *self.owners.get(partition as usize)? as usize;
        (owner < self.candidates.len()).then_some(owner)
    }

    /// The target at this place: [`Target::Local`] if it is this node's.
    #[inline]
    #[must_use]
    pub fn target(&self, index: usize) -> Target {
        // Written so that it takes no branch: which node owns a key is as good as random, and a
        // branch that cannot be foretold costs as much as the lookup.
        let mut target = Target::Node(index);
        if self.local.unwrap_or(usize::MAX) == index {
            target = Target::Local;
        }
        target
    }

    /// The ring over these nodes, made at the first request for it.
    #[inline]
    pub(super) fn ring(&self, virtual_nodes: u32) -> &Ring {
        self.rings
            .get(virtual_nodes, || Ring::new(self.ids(), virtual_nodes))
    }

    fn ids(&self) -> impl Iterator<Item = &NodeId> {
        self.candidates.iter().map(Candidate::id)
    }
}

fn position(candidates: &[Candidate], id: &str) -> Option<usize> {
    candidates
        .binary_search_by(|candidate| candidate.id().as_str().cmp(id))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_by_id_and_once_each() {
        let twice = [
            Candidate::named("b"),
            Candidate::named("a").with_metadata("zone", "old"),
            Candidate::named("a").with_metadata("zone", "new"),
        ];
        let nodes = Nodes::new(twice, Some("c"));
        let ids: Vec<_> = nodes.ids().map(NodeId::as_str).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(nodes.candidates()[0].metadata()["zone"], "new");
        assert_eq!(nodes.local(), None);
        assert_eq!((nodes.position("b"), nodes.position("c")), (Some(1), None));
    }

    #[test]
    fn owners_that_are_not_there_are_nobody() {
        let nodes = Nodes::new(["a", "b"].map(Candidate::named), Some("a"));
        assert_eq!((nodes.partitions(), nodes.owner(0)), (0, None));
        let nodes = nodes.with_owners([1, NOBODY, 2].into());
        let owners: Vec<_> = (0..4).map(|partition| nodes.owner(partition)).collect();
        assert_eq!(owners, [Some(1), None, None, None]);
        let empty = Nodes::new([], None).partitioned(3);
        assert_eq!((empty.partitions(), empty.owner(0)), (3, None));
    }

    #[test]
    fn a_change_of_owners_keeps_the_rings() {
        let nodes = Nodes::new(["a", "b"].map(Candidate::named), None);
        let before: *const Ring = nodes.ring(150);
        let after = nodes.clone().partitioned(32);
        assert!(std::ptr::eq(before, after.ring(150)));
        assert!(!std::ptr::eq(before, after.ring(151)));
    }
}
