//! The same work by hand, with nothing in between: a hash and one load.

use catga::routing::{ConsistentHash, Key, Nodes, Strategy};
use xxhash_rust::xxh3::xxh3_64;

/// A table of the partitions' owners.
pub(crate) struct OwnersByHand(Vec<u32>);

impl OwnersByHand {
    pub(crate) fn new(nodes: &Nodes) -> Self {
        let owner = |partition| narrow(nodes.owner(partition));
        Self((0..nodes.partitions()).map(owner).collect())
    }

    #[inline]
    pub(crate) fn owner(&self, key: &str) -> u32 {
        let hash = key.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        self.0[hash as usize % self.0.len()]
    }
}

/// Not a ring: the least that any lookup by a hash of 64 bits does.
pub(crate) struct RingByHand(Vec<u32>);

impl RingByHand {
    const BITS: u32 = 12;

    pub(crate) fn new(nodes: &Nodes) -> Self {
        let slots = 0..1_u32 << Self::BITS;
        let node = |slot: u32| {
            let target = ConsistentHash::ring(1).pick(&Key::from_text(&slot.to_string()), nodes);
            narrow(target.index(nodes))
        };
        Self(slots.map(node).collect())
    }

    #[inline]
    pub(crate) fn node(&self, key: &str) -> u32 {
        let slot = xxh3_64(key.as_bytes()) >> (u64::BITS - Self::BITS);
        self.0[usize::try_from(slot).expect("few slots")]
    }
}

fn narrow(node: Option<usize>) -> u32 {
    let node = node.expect("a node for every key");
    u32::try_from(node).expect("few nodes")
}
