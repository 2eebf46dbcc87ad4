use super::{LeastLoaded, Strategy};
use crate::routing::{Key, Nodes, Target};

/// This node if it handles the message, else the least loaded: the default of unkeyed messages.
///
/// # Examples
///
/// ```
/// use catga::routing::{Candidate, Key, LocalFirst, Nodes, Strategy, Target};
///
/// let handlers = || ["a", "b"].map(Candidate::named);
/// let (inside, outside) = (Nodes::new(handlers(), Some("b")), Nodes::new(handlers(), Some("c")));
/// assert_eq!(LocalFirst.pick(&Key::none(), &inside), Target::Local);
/// assert!(matches!(LocalFirst.pick(&Key::none(), &outside), Target::Node(_)));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalFirst;

impl Strategy for LocalFirst {
    #[inline]
    fn pick(&self, key: &Key<'_>, nodes: &Nodes) -> Target {
        match nodes.local() {
            Some(_) => Target::Local,
            None => LeastLoaded.pick(key, nodes),
        }
    }
}
