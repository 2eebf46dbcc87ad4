//! Which subjects and buckets belong to a namespace.

/// The namespace of whoever names none.
pub(super) const DEFAULT: &str = "catga";

/// The names of one namespace. No name has a `_` or a `.`, so they separate.
#[derive(Debug, Clone)]
pub(super) struct Names {
    namespace: Box<str>,
}

impl Names {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
        }
    }

    /// The bucket of what the whole namespace shares.
    pub(super) fn cluster(&self) -> String {
        format!("{}_cluster", self.namespace)
    }

    /// A node's inbox.
    pub(super) fn inbox(&self, node: &str) -> String {
        format!("{}.node.{node}", self.namespace)
    }

    /// What is broadcast on a subject.
    pub(super) fn subject(&self, subject: &str) -> String {
        format!("{}.{subject}", self.namespace)
    }

    /// Where nobody listens.
    pub(super) fn nowhere(&self) -> String {
        format!("{}.nowhere", self.namespace)
    }
}
