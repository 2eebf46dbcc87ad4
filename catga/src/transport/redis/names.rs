//! Which keys and channels belong to a namespace.

/// The namespace of whoever names none.
pub(super) const DEFAULT: &str = "catga";

/// The names of one namespace.
///
/// Keys of one hash tag are in one slot, so that a script may touch all of them. Channels know no
/// databases, so they carry its number.
#[derive(Debug, Clone)]
pub(super) struct Names {
    namespace: Box<str>,
    channels: Box<str>,
}

impl Names {
    pub(super) fn new(namespace: &str, database: i64) -> Self {
        Self {
            namespace: namespace.into(),
            channels: format!("{namespace}:{database}").into(),
        }
    }

    /// A key of what the whole namespace shares.
    pub(super) fn cluster(&self, what: &str) -> String {
        format!("{}:{{cluster}}:{what}", self.namespace)
    }

    /// Where changes of the records are told.
    pub(super) fn changes(&self) -> String {
        format!("{}:changes", self.channels)
    }

    /// A node's inbox.
    pub(super) fn inbox(&self, node: &str) -> String {
        format!("{}:node:{node}", self.channels)
    }

    /// Where one connection waits for answers.
    pub(super) fn answers(&self, token: &str) -> String {
        format!("{}:answers:{token}", self.channels)
    }

    /// What comes before the subject of a broadcast.
    pub(super) fn subjects(&self) -> String {
        format!("{}:on:", self.channels)
    }
}
