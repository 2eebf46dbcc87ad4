use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The name of a node, unique in its namespace; a cheap clone.
///
/// Letters `a` to `z`, digits and `-`. Made from the service's name and chance unless
/// [`Builder::id`](super::Builder::id) gives it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

impl NodeId {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// A name that no other node has.
    pub(crate) fn random(service: &str) -> Self {
        let chance: String = std::iter::repeat_with(|| fastrand::char('a'..='z'))
            .take(10)
            .collect();
        Self(format!("{service}-{chance}").into())
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

/// Whether a text can name a service or a node.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
