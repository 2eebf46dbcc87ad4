use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::message::chance;

/// The name of a node, unique in its namespace; a cheap clone.
///
/// Letters `a` to `z`, digits and `-`. Made from the service's name and chance unless
/// [`Builder::id`](super::Builder::id) gives it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::collections::HashSet;
/// use catga::Node;
/// use catga::node::NodeId;
///
/// let node = Node::builder("orders").id("blue").only(|_| false).start().await?;
/// let known: HashSet<NodeId> = [node.id().clone()].into();
/// assert!(known.contains("blue"));
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

impl NodeId {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// A name that no other node has.
    pub(crate) fn random(service: &str) -> Self {
        let name: String = chance::draw(|chance| {
            std::iter::repeat_with(|| chance.char('a'..='z'))
                .take(10)
                .collect()
        });
        Self(format!("{service}-{name}").into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for NodeId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl serde::Serialize for NodeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for NodeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Box<str>>::deserialize(deserializer).map(|name| Self(name.into()))
    }
}

/// Whether a text can name a service or a node.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
