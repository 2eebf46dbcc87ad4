use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::NodeId;
use crate::delivery::HeldKeys;
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
    pub(crate) strict: bool,
    /// The deadline of the handler that makes this call, if one does.
    pub(crate) parent: Option<Instant>,
    /// The lanes that this handler is in.
    pub(crate) held: Option<Arc<HeldKeys>>,
    pub(crate) headers: Headers,
    /// The one node that the message goes to, whatever routing says.
    pub(crate) to: Option<NodeId>,
}

impl Options {
    /// No options: a new id, the type's own timeout, no headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the message, in place of a new one.
    ///
    /// A message that is stored under an id that a message of its type was stored under in the
    /// last two minutes is not stored again; the receipt says so. In a batch the first message
    /// has this id and the others get ones that follow from it, so that a batch can be repeated
    /// as a whole.
    #[must_use]
    pub fn id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self
    }

    /// How long the call may take, in place of what the message type says.
    ///
    /// For `send` until the response is there; for `enqueue` and `publish` until the message is
    /// stored: each attempt to handle it has the timeout of its type. Zero is at once;
    /// [`Duration::MAX`] is never.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Stores one message at a time of each key: the next one leaves when the broker has confirmed
    /// the one before.
    ///
    /// Otherwise many are on their way at once. If the broker or the connection fails in the middle of
    /// them, one that was lost is stored again behind others that were not, and the receipts of those
    /// say `repeated`: for a moment the order of a key is that in which they were stored, and not that
    /// in which they were sent. This rules that out, at the cost of a round trip for each message of
    /// a key; other keys go on beside it. Without a broker nothing is ever on its way.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, Options, command};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[catga::route(key = "account")]
    /// #[derive(Serialize, Deserialize)]
    /// struct Debit {
    ///     account: u64,
    ///     cents: u64,
    /// }
    ///
    /// # async fn debit(node: &Node) {
    /// let debits = (1..=3).map(|cents| Debit { account: 7, cents });
    /// let stored = node.with(Options::new().strict()).enqueue_all(debits).await;
    /// assert!(stored.iter().all(Result::is_ok));
    /// # }
    /// ```
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Adds a header, in place of one with the same name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl Options {
    /// How long a call of a type may take from now, and when that is: the caller's or the type's
    /// timeout, but no longer than the handler that makes the call has itself.
    pub(crate) fn limit(&self, of_type: Duration) -> (Duration, Instant) {
        let timeout = self.timeout.unwrap_or(of_type);
        let deadline = after(timeout);
        match self.parent {
            Some(parent) if parent < deadline => {
                (parent.saturating_duration_since(Instant::now()), parent)
            }
            _ => (timeout, deadline),
        }
    }
}

/// The time after a duration; far away where it cannot be counted.
pub(crate) fn after(timeout: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    let now = Instant::now();
    now + timeout.min(FAR)
}
