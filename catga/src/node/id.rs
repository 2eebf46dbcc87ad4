use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

/// A name that came from elsewhere, as from a request or a file.
///
/// # Examples
///
/// ```
/// use catga::node::NodeId;
/// use catga::{Node, State, handler, query};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = String)]
/// #[derive(Serialize, Deserialize)]
/// struct Name;
///
/// #[handler]
/// async fn name(_: Name, State(name): State<String>) -> String {
///     name
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("names")
///     .id("blue")
///     .state("blue".to_owned())
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// let asked: NodeId = "blue".parse()?;
/// assert_eq!(node.send_to(&asked, Name).await?, "blue");
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
impl FromStr for NodeId {
    type Err = InvalidNodeId;

    fn from_str(text: &str) -> Result<Self, InvalidNodeId> {
        if !is_name(text) {
            return Err(InvalidNodeId {
                text: text.to_owned(),
            });
        }
        Ok(Self::new(text))
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

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A text that is not a [`NodeId`].
///
/// # Examples
///
/// ```
/// use catga::node::NodeId;
///
/// let error = "Blue".parse::<NodeId>().unwrap_err();
/// assert!(error.to_string().contains("`Blue`"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidNodeId {
    text: String,
}

impl fmt::Display for InvalidNodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` cannot name a node: use letters `a` to `z`, digits and `-`",
            self.text
        )
    }
}

impl std::error::Error for InvalidNodeId {}

/// Whether a text can name a service or a node.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for text in ["blue", "orders-7", "-"] {
            let id: NodeId = text.parse().unwrap();
            assert_eq!(id.as_str(), text);
            let encoded = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<NodeId>(&encoded).unwrap(), id);
        }
    }

    #[test]
    fn a_text_that_no_node_can_have_is_refused() {
        for text in ["", "Blue", "a.b", "a b", "a>", "é"] {
            let error = text.parse::<NodeId>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
            let encoded = serde_json::to_string(text).unwrap();
            let decoded = serde_json::from_str::<NodeId>(&encoded).unwrap_err();
            assert!(decoded.to_string().contains(&error.to_string()));
        }
    }
}
