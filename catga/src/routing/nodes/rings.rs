use std::sync::OnceLock;

use crate::routing::ring::Ring;

/// The rings over one set of nodes, by their number of virtual nodes.
///
/// There is nearly always none or one. A list that only grows needs no lock to be read.
#[derive(Debug, Default)]
pub(super) struct Rings {
    first: OnceLock<Box<Entry>>,
}

#[derive(Debug)]
struct Entry {
    virtual_nodes: u32,
    ring: Ring,
    next: Rings,
}

impl Rings {
    #[inline]
    pub(super) fn get(&self, virtual_nodes: u32, make: impl Fn() -> Ring) -> &Ring {
        let mut rings = self;
        loop {
            let entry = rings.first.get_or_init(|| {
                Box::new(Entry {
                    virtual_nodes,
                    ring: make(),
                    next: Self::default(),
                })
            });
            if entry.virtual_nodes == virtual_nodes {
                return &entry.ring;
            }
            rings = &entry.next;
        }
    }
}
