//! How a node is made.

use catga::Node;
use catga::node::Builder;

use crate::couriers::Couriers;
use crate::journal::Journal;
use crate::store::Store;

/// What the handlers of all nodes of this process share.
pub struct Shop {
    pub store: Store,
    pub couriers: Couriers,
    pub journal: Journal,
}

impl Shop {
    /// `aloud`: what runs is printed.
    pub fn open(aloud: bool) -> Self {
        Self {
            store: Store::stocked([("tea", 100_000), ("cup", 1_000), ("anvil", 1)]),
            couriers: Couriers::default(),
            journal: Journal::new(aloud),
        }
    }

    /// Describes a node of the service `orders`. The broker is all that a cluster needs.
    pub fn node(&self, broker: &str) -> Builder {
        Node::builder("orders")
            .broker(broker)
            .state(self.store.clone())
            .state(self.couriers.clone())
            .state(self.journal.clone())
    }
}
