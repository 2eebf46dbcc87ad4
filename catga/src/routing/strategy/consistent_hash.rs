use super::Strategy;
use crate::routing::{Key, Nodes, Reason, Target, partition_of};

/// The node that the key belongs to: the default of keyed messages.
///
/// By default that is the owner of the key's [partition](crate::routing::partition_of), which
/// also has the key's order. It takes a hash and one load.
///
/// # Examples
///
/// ```
/// use catga::routing::{Candidate, ConsistentHash, Key, Nodes, Reason, Strategy, Target};
///
/// let nodes = Nodes::new(["a", "b"].map(Candidate::named), None).partitioned(32);
/// let key = Key::from_text("order-7");
/// let picked = ConsistentHash::new().pick(&key, &nodes);
/// assert_eq!(ConsistentHash::new().pick(&key, &nodes), picked);
///
/// let unkeyed = ConsistentHash::new().pick(&Key::none(), &nodes);
/// assert_eq!(unkeyed, Target::Nobody(Reason::NoKey));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsistentHash {
    ring: Option<u32>,
}

impl ConsistentHash {
    /// How many points of the ring a node usually has.
    pub const VIRTUAL_NODES: u32 = 150;

    /// By the owner of the key's partition.
    #[must_use]
    pub const fn new() -> Self {
        Self { ring: None }
    }

    /// By the classic ring, with at least one point per node: a place without ownership.
    ///
    /// The answer depends on the key and the nodes alone, and follows a join or leave at once. A
    /// node's points are the XXH3-64 of its id, U+001F and 0, 1, 2, … in decimal digits; a key
    /// belongs to the next point at or after its own [XXH3-64](Key::xxh3).
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::routing::{Candidate, ConsistentHash, Key, Nodes, Strategy, Target};
    ///
    /// let ring = ConsistentHash::ring(ConsistentHash::VIRTUAL_NODES);
    /// let nodes = Nodes::new(["a", "b"].map(Candidate::named), Some("a"));
    /// let target = ring.pick(&Key::from_text("order-7"), &nodes);
    /// assert!(matches!(target, Target::Local | Target::Node(1)));
    /// ```
    #[must_use]
    pub const fn ring(virtual_nodes: u32) -> Self {
        Self {
            ring: Some(if virtual_nodes == 0 { 1 } else { virtual_nodes }),
        }
    }
}

impl Strategy for ConsistentHash {
    #[inline]
    fn pick(&self, key: &Key<'_>, nodes: &Nodes) -> Target {
        match self.ring {
            None => owner(key, nodes),
            Some(virtual_nodes) => on_ring(virtual_nodes, key, nodes),
        }
    }

    fn prepare(&self, nodes: &Nodes) {
        if let Some(virtual_nodes) = self.ring {
            nodes.ring(virtual_nodes);
        }
    }
}

#[inline]
fn owner(key: &Key<'_>, nodes: &Nodes) -> Target {
    if !key.is_keyed() {
        return nobody(key, nodes);
    }
    let hash = key.fnv1a32();
    let partitions = nodes.partitions();
    if partitions == 0 {
        return nobody(key, nodes);
    }
    let partition = partition_of(hash, partitions);
    match nodes.owner(partition) {
        Some(owner) => nodes.target(owner),
        None if nodes.is_empty() => nobody(key, nodes),
        None => Target::Nobody(Reason::NoOwner { partition }),
    }
}

/// Apart, so that the way to an owner, which most messages take, stays short.
#[inline(never)]
fn on_ring(virtual_nodes: u32, key: &Key<'_>, nodes: &Nodes) -> Target {
    if !key.is_keyed() {
        return nobody(key, nodes);
    }
    match nodes.ring(virtual_nodes).node(key.xxh3()) {
        Some(node) => nodes.target(node),
        None => nobody(key, nodes),
    }
}

/// Why neither partitions nor a ring can help.
#[cold]
fn nobody(key: &Key<'_>, nodes: &Nodes) -> Target {
    Target::Nobody(if !key.is_keyed() {
        Reason::NoKey
    } else if nodes.is_empty() {
        Reason::NoNode
    } else {
        Reason::NotPartitioned
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Candidate;

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn keys() -> impl Iterator<Item = String> {
        (0..1_000).map(|number| format!("order-{number}"))
    }

    /// Each node with its own view, made from the members in another order.
    #[test]
    fn every_node_picks_the_same() {
        for strategy in [ConsistentHash::new(), ConsistentHash::ring(150)] {
            let views = NAMES.map(|local| {
                let mut names = NAMES;
                fastrand::shuffle(&mut names);
                Nodes::new(names.map(Candidate::named), Some(local)).partitioned(32)
            });
            for key in keys() {
                let targets = views
                    .each_ref()
                    .map(|nodes| strategy.pick(&Key::from_text(&key), nodes));
                let locals = targets.iter().filter(|target| **target == Target::Local);
                assert_eq!(locals.count(), 1, "{key}");
                let places: Vec<_> = targets
                    .iter()
                    .zip(&views)
                    .map(|(target, nodes)| target.index(nodes))
                    .collect();
                assert!(places[0].is_some() && places.iter().all(|place| *place == places[0]));
            }
        }
    }

    #[test]
    fn follows_the_owners() {
        let nodes = Nodes::new(NAMES.map(Candidate::named), Some("c"));
        for key in keys() {
            let key = Key::from_text(&key);
            let partition = partition_of(key.fnv1a32(), 4);
            let nodes = nodes.clone().with_owners([0, 2, u32::MAX, 4].into());
            let expected = match partition {
                1 => Target::Local,
                2 => Target::Nobody(Reason::NoOwner { partition }),
                _ => Target::Node(if partition == 0 { 0 } else { 4 }),
            };
            assert_eq!(ConsistentHash::new().pick(&key, &nodes), expected);
        }
    }

    #[test]
    fn says_why_nobody() {
        let (key, unkeyed) = (Key::from_text(""), Key::none());
        let nodes = Nodes::new(NAMES.map(Candidate::named), None);
        let nobody = Nodes::new([], None);
        for strategy in [ConsistentHash::new(), ConsistentHash::ring(0)] {
            let target = strategy.pick(&unkeyed, &nodes);
            assert_eq!(target, Target::Nobody(Reason::NoKey));
            let target = strategy.pick(&key, &nobody);
            assert_eq!(target, Target::Nobody(Reason::NoNode));
        }
        let target = ConsistentHash::new().pick(&key, &nodes);
        assert_eq!(target, Target::Nobody(Reason::NotPartitioned));
        let target = ConsistentHash::ring(0).pick(&key, &nodes);
        assert!(matches!(target, Target::Node(_)));
    }
}
