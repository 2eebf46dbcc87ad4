//! The strategies: who of the live nodes gets a message.

mod consistent_hash;
mod kind;
mod least_loaded;
mod local_first;
mod random;
mod round_robin;
mod topic;

pub use consistent_hash::ConsistentHash;
pub use kind::StrategyKind;
pub use least_loaded::LeastLoaded;
pub use local_first::LocalFirst;
pub use random::Random;
pub use round_robin::RoundRobin;
pub use topic::Topic;

use super::{Key, Nodes, Target};

/// Decides which of the live nodes gets a message.
///
/// There is one value per message type and node, shared by all threads. It is asked for every
/// message, so [`pick`](Self::pick) must not wait and should not allocate. It must answer with a
/// place of the view that it was given; [`Nodes::target`] makes the answer from a place. Where
/// all nodes are to agree, the answer may depend on the key and the view's nodes only.
///
/// A key has no owner then: a node that was given a strategy for a type handles every key of it
/// that it is sent. So give the same one to all nodes that send or handle the type; a node without
/// it refuses the keys that it does not own.
///
/// # Examples
///
/// A strategy that stays in the region of the key where it can:
///
/// ```
/// use catga::routing::{Candidate, Key, LeastLoaded, Nodes, Reason, Strategy, Target};
///
/// struct Regional(&'static str);
///
/// impl Strategy for Regional {
///     fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
///         let here = |node: &Candidate| node.metadata().get("region").is_some_and(|is| is == self.0);
///         match nodes.candidates().iter().position(here) {
///             Some(place) => nodes.target(place),
///             None => Target::Nobody(Reason::Other("no node in this region")),
///         }
///     }
/// }
///
/// let us = Candidate::named("a").with_metadata("region", "us");
/// let eu = Candidate::named("b").with_metadata("region", "eu");
/// let nodes = Nodes::new([us, eu], Some("a"));
/// assert_eq!(Regional("eu").pick(&Key::none(), &nodes), Target::Node(1));
/// assert_eq!(Regional("us").pick(&Key::none(), &nodes), Target::Local);
/// ```
pub trait Strategy: Send + Sync + 'static {
    /// Picks for one message.
    fn pick(&self, key: &Key<'_>, nodes: &Nodes) -> Target;

    /// Is called with each new view before the first pick from it, away from the messages.
    ///
    /// A strategy may make here what it would otherwise have to make at its first pick. It should
    /// not take long: until it returns, messages are routed by the view before. A node without a
    /// cluster has no views and never calls it.
    ///
    /// # Panics
    ///
    /// A panic is reported as an error of the program, and the view is used nevertheless.
    fn prepare(&self, nodes: &Nodes) {
        let _ = nodes;
    }
}

/// A node holds strategies of any type.
const _: fn(&dyn Strategy) = |_| {};
