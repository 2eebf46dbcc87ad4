//! The classic ring: consistent hashing by the members alone.

use super::score::Score;
use crate::node::NodeId;

/// Marks an entry that is a node rather than the place of a point.
const NODE: u32 = 1 << 31;
/// How many buckets there are for each point, at least and at most.
///
/// The more there are, the fewer lookups meet a point and have to compare. But a table that
/// leaves the processor's nearer caches costs more than it saves.
const BUCKETS_PER_POINT: (usize, usize) = (4, 16);
/// How many buckets there may be where the points do not ask for more: 256 KiB.
const CACHED_BUCKETS: usize = 1 << 16;

/// A ring of 2⁶⁴ with some points per node: a key belongs to the next point at or after its hash.
///
/// The points of a node are its [`Score`]s at 0, 1, 2, … below the number of virtual nodes; of
/// two nodes with one point the first by id has it. The ring depends on nothing but the nodes.
///
/// A lookup does not search: buckets of equal size divide the ring. Most hold no point, so that
/// all their keys belong to one node, which is found with one load; for the others the bucket
/// says at which point to start.
#[derive(Debug)]
pub(super) struct Ring {
    /// Sorted, with the first one again at the end of the ring.
    points: Box<[Point]>,
    /// A node, or the place of the first point in the bucket.
    buckets: Box<[u32]>,
    /// What is left of a hash after this many bits is its bucket.
    shift: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    hash: u64,
    node: u32,
}

impl Ring {
    /// The ring over nodes sorted by id.
    pub(super) fn new<'a>(nodes: impl Iterator<Item = &'a NodeId>, virtual_nodes: u32) -> Self {
        let mut points = Vec::new();
        for (place, node) in (0..).zip(nodes) {
            let mut score = Score::of(node);
            points.extend((0..virtual_nodes as usize).map(|number| Point {
                hash: score.at(number),
                node: place,
            }));
        }
        points.sort_unstable();
        points.dedup_by_key(|point| point.hash);
        let (least, most) = BUCKETS_PER_POINT;
        let count = (points.len() * most)
            .min(CACHED_BUCKETS)
            .max(points.len() * least)
            .next_power_of_two()
            .max(2);
        // The first point also ends the ring, so that nothing has to wrap around.
        points.extend(points.first().map(|first| Point {
            hash: u64::MAX,
            node: first.node,
        }));
        let shift = u64::BITS - count.trailing_zeros();
        Self {
            buckets: buckets(&points, count, shift),
            points: points.into(),
            shift,
        }
    }

    /// The place of the node to which a key with this hash belongs; `None` without nodes.
    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a bucket is the place of an entry in memory"
    )]
    pub(super) fn node(&self, hash: u64) -> Option<usize> {
        let entry = *self.buckets.get((hash >> self.shift) as usize)?;
        if entry & NODE != 0 {
            return Some((entry & !NODE) as usize);
        }
        let following = self.points.get(entry as usize..)?;
        following
            .iter()
            .find(|point| point.hash >= hash)
            .map(|point| point.node as usize)
    }
}

fn buckets(points: &[Point], count: usize, shift: u32) -> Box<[u32]> {
    if points.is_empty() {
        return Box::default();
    }
    let mut next = 0_u32;
    (0..count as u64)
        .map(|bucket| {
            let first = next;
            while (points.get(next as usize)).is_some_and(|point| point.hash >> shift == bucket) {
                next += 1;
            }
            if next == first {
                NODE | points[first as usize].node
            } else {
                first
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::routing::Key;

    const VIRTUAL_NODES: u32 = 150;

    fn names(count: usize) -> Vec<NodeId> {
        let mut names: Vec<_> = (0..count)
            .map(|number| NodeId::new(&format!("orders-{number}")))
            .collect();
        names.sort();
        names
    }

    fn ring(names: &[NodeId]) -> Ring {
        Ring::new(names.iter(), VIRTUAL_NODES)
    }

    fn hashes(count: usize) -> impl Iterator<Item = u64> {
        (0..count).map(|number| Key::from_text(&format!("order-{number}")).xxh3())
    }

    /// The definition, without buckets.
    #[test]
    fn the_same_as_a_sorted_map() {
        for (count, virtual_nodes) in [(1, 1), (1, 150), (2, 1), (3, 150), (10, 7), (100, 150)] {
            let names = names(count);
            let ring = Ring::new(names.iter(), virtual_nodes);
            let mut map = BTreeMap::new();
            for (place, name) in names.iter().enumerate().rev() {
                let mut score = Score::of(name);
                map.extend((0..virtual_nodes as usize).map(|number| (score.at(number), place)));
            }
            let edges = map
                .keys()
                .flat_map(|point| [point.wrapping_sub(1), *point, point.wrapping_add(1)])
                .chain([0, 1, u64::MAX - 1, u64::MAX]);
            for hash in edges.chain(hashes(10_000)) {
                let expected = map.range(hash..).next().or(map.iter().next());
                assert_eq!(ring.node(hash), expected.map(|(_, place)| *place), "{hash}");
            }
        }
    }

    #[test]
    fn without_nodes_there_is_no_answer() {
        assert_eq!(ring(&[]).node(0), None);
        assert_eq!(ring(&[]).node(u64::MAX), None);
    }

    #[test]
    fn balanced_at_3_10_and_32_nodes() {
        for count in [3, 10, 32] {
            let ring = ring(&names(count));
            let mut keys = vec![0_u32; count];
            for hash in hashes(200_000) {
                keys[ring.node(hash).unwrap()] += 1;
            }
            let mean = 200_000.0 / count as f64;
            let most = f64::from(*keys.iter().max().unwrap()) / mean;
            let least = f64::from(*keys.iter().min().unwrap()) / mean;
            assert!(
                most < 1.35 && least > 0.7,
                "{count} nodes: {least} to {most}"
            );
        }
    }

    /// Who leaves takes nobody else's keys along; the same in reverse is a join.
    #[test]
    fn only_keys_of_the_node_that_leaves_move() {
        for count in [2, 3, 10, 32] {
            let names = names(count);
            let before = ring(&names);
            for leaving in [0, count / 2, count - 1] {
                let mut left = names.clone();
                let gone = left.remove(leaving);
                let after = ring(&left);
                for hash in hashes(5_000) {
                    let owner = &names[before.node(hash).unwrap()];
                    assert!(*owner == gone || *owner == left[after.node(hash).unwrap()]);
                }
            }
        }
    }
}
