use std::time::Duration;

use tokio::time::Instant;

use crate::message::{Headers, MessageId};

/// What a single call says beside its message; given to [`Node::with`](super::Node::with).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::{MessageId, Options};
///
/// let id = MessageId::new();
/// let options = Options::new()
///     .id(id)
///     .timeout(Duration::from_secs(2))
///     .header("tenant", "acme");
/// assert!(format!("{options:?}").contains("acme"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(crate) id: Option<MessageId>,
    pub(crate) timeout: Option<Duration>,
    /// The deadline of the handler that makes this call.
    pub(crate) deadline: Option<Instant>,
    pub(crate) headers: Headers,
}

impl Options {
    /// No options: a new id, the type's own timeout, no headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the message, in place of a new one.
    ///
    /// The batch verbs use it for their first message only; the others get new ids.
    #[must_use]
    pub fn id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self
    }

    /// How long the call may take, in place of what the message type says.
    ///
    /// For `send` until the response is there; for `enqueue` and `publish` until the message is
    /// stored.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Adds a header, in place of one with the same name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name, value);
        self
    }
}
