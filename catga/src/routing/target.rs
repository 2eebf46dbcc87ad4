//! What a strategy answers.

use std::fmt;

use super::Nodes;

/// Where a message goes, as a [`Strategy`](super::Strategy) decided.
///
/// # Examples
///
/// ```
/// use catga::routing::{Candidate, Key, LocalFirst, Nodes, Reason, Strategy, Target};
///
/// let nodes = Nodes::new(["a", "b"].map(Candidate::named), Some("b"));
/// assert_eq!(LocalFirst.pick(&Key::none(), &nodes), Target::Local);
///
/// let nobody = Nodes::new([], None);
/// let target = LocalFirst.pick(&Key::none(), &nobody);
/// assert_eq!(target, Target::Nobody(Reason::NoNode));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// To this node: a direct call.
    Local,
    /// To the node at this place of the view.
    Node(usize),
    /// To every node of the view.
    Everyone,
    /// Nowhere, and why.
    Nobody(Reason),
}

impl Target {
    /// The place of the one node that was picked, this one included.
    #[must_use]
    pub fn index(self, nodes: &Nodes) -> Option<usize> {
        match self {
            Self::Local => nodes.local(),
            Self::Node(index) => Some(index),
            Self::Everyone | Self::Nobody(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("this node"),
            Self::Node(index) => write!(f, "the node at place {index}"),
            Self::Everyone => f.write_str("every node"),
            Self::Nobody(reason) => write!(f, "nobody: {reason}"),
        }
    }
}

/// Why a message goes nowhere.
///
/// # Examples
///
/// ```
/// use catga::routing::Reason;
///
/// assert_eq!(
///     Reason::Other("no node in this region").to_string(),
///     "no node in this region"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No live node handles the message.
    NoNode,
    /// The strategy goes by the key, and the message has none.
    NoKey,
    /// The strategy goes by partitions, and the view has none.
    NotPartitioned,
    /// None of the live nodes owns the key's partition.
    NoOwner {
        /// The partition.
        partition: u32,
    },
    /// What a strategy of your own has to say.
    Other(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode => f.write_str("no live node handles it: start one that does"),
            Self::NoKey => f.write_str(
                "it has no key: give it one with `#[route(key = \"..\")]`, or use a strategy that needs none",
            ),
            Self::NotPartitioned => {
                f.write_str("the view has no partitions: use `ConsistentHash::ring`")
            }
            Self::NoOwner { partition } => {
                write!(f, "no live node owns partition {partition}: try again")
            }
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_and_what_to_do() {
        assert_eq!(
            Target::Nobody(Reason::NoNode).to_string(),
            "nobody: no live node handles it: start one that does"
        );
        assert_eq!(
            Reason::NoOwner { partition: 7 }.to_string(),
            "no live node owns partition 7: try again"
        );
    }
}
