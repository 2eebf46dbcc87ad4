//! Where a message goes: the view of the nodes, and the strategies that pick among them.
//!
//! A [`Strategy`] looks at a message's [`Key`] and at [`Nodes`], all live nodes that handle the
//! message, this one included, and answers with a [`Target`]. It never waits and never
//! allocates. The same view gives the same answer on every node wherever the answer depends on
//! the key.
//!
//! ```
//! use catga::routing::{Candidate, ConsistentHash, Key, Nodes, Strategy};
//!
//! let names = ["orders-a", "orders-b", "orders-c"];
//! let view = |local| Nodes::new(names.map(Candidate::named), Some(local)).partitioned(32);
//! let (a, b) = (view("orders-a"), view("orders-b"));
//!
//! let key = Key::from_text("order-7");
//! let picked = |nodes: &Nodes| ConsistentHash::new().pick(&key, nodes).index(nodes);
//! assert_eq!(picked(&a), picked(&b));
//! ```

mod assignment;
mod key;
mod nodes;
mod partition;
mod ring;
mod score;
mod strategy;
mod target;
mod topic;

pub use key::Key;
pub use nodes::{Candidate, Load, Nodes};
pub use partition::{DEFAULT_PARTITIONS, partition_of};
pub use strategy::{
    ConsistentHash, LeastLoaded, LocalFirst, Random, RoundRobin, Strategy, StrategyKind, Topic,
};
pub use target::{Reason, Target};
#[doc(hidden)]
pub use topic::TopicValues;
pub use topic::{InvalidPattern, TopicPattern};

pub(crate) use assignment::assign;
pub(crate) use nodes::Outstanding;
pub(crate) use score::score;
pub(crate) use topic::{can_match, topic_matches, topic_of};
