use super::Strategy;
use crate::routing::{Key, Nodes, Reason, Target};

/// Every node, each of which takes what its own [patterns](crate::routing::TopicPattern) match.
///
/// # Examples
///
/// ```
/// use catga::routing::{Candidate, Key, Nodes, Strategy, Target, Topic};
///
/// let nodes = Nodes::new(["a", "b"].map(Candidate::named), Some("a"));
/// assert_eq!(Topic.pick(&Key::none(), &nodes), Target::Everyone);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Topic;

impl Strategy for Topic {
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        if nodes.is_empty() {
            Target::Nobody(Reason::NoNode)
        } else {
            Target::Everyone
        }
    }
}
