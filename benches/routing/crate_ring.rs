//! The `hashring` crate, with virtual nodes as its documentation makes them.

use hashring::HashRing;

pub(crate) struct CrateRing(HashRing<VirtualNode>);

#[derive(Debug, Clone, Copy, Hash)]
struct VirtualNode {
    node: usize,
    number: u32,
}

impl CrateRing {
    pub(crate) fn new(names: &[String]) -> Self {
        let mut ring = HashRing::new();
        let virtual_nodes = (0..names.len())
            .flat_map(|node| (0..150).map(move |number| VirtualNode { node, number }));
        ring.batch_add(virtual_nodes.collect());
        Self(ring)
    }

    #[inline]
    pub(crate) fn node(&self, key: &str) -> Option<usize> {
        self.0.get(&key).map(|found| found.node)
    }
}
