use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::{Envelope, Failure};
use crate::handler::HandlerInfo;
use crate::message::{ContentType, Headers, MessageId, MessageInfo};

/// Messages that used up their attempts, kept until they are replayed or discarded.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    letters: Mutex<Vec<(DeadLetter, Envelope)>>,
    next: AtomicU64,
}

impl DeadLetters {
    pub(super) fn push(
        &self,
        envelope: &Envelope,
        index: usize,
        handler: &'static HandlerInfo,
        attempts: NonZeroU32,
        failure: Failure,
    ) {
        let letter = DeadLetter {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            id: envelope.id,
            key: envelope.key.clone(),
            handler,
            attempts,
            chain: failure.chain,
            headers: envelope.headers.clone(),
            failed_at: SystemTime::now(),
            content_type: envelope.content_type,
            payload: envelope.payload.clone(),
        };
        let envelope = Envelope {
            only: Some(index),
            ..envelope.clone()
        };
        self.letters().push((letter, envelope));
    }

    pub(crate) fn list(&self) -> Vec<DeadLetter> {
        self.letters()
            .iter()
            .map(|(letter, _)| letter.clone())
            .collect()
    }

    pub(crate) fn take(&self, number: u64) -> Option<(DeadLetter, Envelope)> {
        let mut letters = self.letters();
        let at = letters
            .iter()
            .position(|(letter, _)| letter.number == number)?;
        Some(letters.remove(at))
    }

    /// Puts a letter back where it was, unless the guard is forgotten.
    pub(crate) const fn guard(&self, letter: DeadLetter, envelope: Envelope) -> Taken<'_> {
        Taken {
            letters: self,
            taken: Some((letter, envelope)),
        }
    }

    fn letters(&self) -> MutexGuard<'_, Vec<(DeadLetter, Envelope)>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A letter that is being replayed.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    letters: &'a DeadLetters,
    taken: Option<(DeadLetter, Envelope)>,
}

impl Taken<'_> {
    /// The message is stored again: the letter is gone.
    pub(crate) fn forget(mut self) {
        self.taken = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some((letter, envelope)) = self.taken.take() {
            let mut letters = self.letters.letters();
            let at = letters.partition_point(|(other, _)| other.number < letter.number);
            letters.insert(at, (letter, envelope));
        }
    }
}

/// A message that a handler could not handle, with everything that is known of it.
///
/// Each handler of an event has a dead letter of its own. [`Node::dead_letters`] lists them,
/// [`Node::replay`] and [`Node::discard`] end them.
///
/// [`Node::dead_letters`]: crate::Node::dead_letters
/// [`Node::replay`]: crate::Node::replay
/// [`Node::discard`]: crate::Node::discard
///
/// # Examples
///
/// ```
/// use catga::message::ContentType;
/// use catga::{Fault, Node, Options, event, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[event]
/// #[route(key = "street")]
/// #[derive(Serialize, Deserialize)]
/// struct ParcelSent { street: String }
///
/// #[derive(Debug, thiserror::Error, Fault)]
/// #[error("there is no such street")]
/// #[permanent]
/// struct NoSuchStreet;
///
/// #[handler]
/// async fn deliver(_: ParcelSent) -> Result<(), NoSuchStreet> {
///     Err(NoSuchStreet)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("parcels")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// let tagged = Options::new().header("tenant", "acme");
/// let sent = node.with(tagged).publish(ParcelSent { street: "a".into() }).await?;
/// node.shutdown().await?;
///
/// let letter = node.dead_letters().remove(0);
/// assert_eq!((letter.id(), letter.key()), (sent.id(), Some("a")));
/// assert_eq!(letter.message().name(), "ParcelSent");
/// assert_eq!(letter.handler().name(), "deliver");
/// assert_eq!(letter.attempts().get(), 1, "it was permanent");
/// assert_eq!(letter.error_chain(), ["there is no such street"]);
/// assert_eq!(letter.headers().get("tenant"), Some("acme"));
/// assert_eq!(letter.content_type(), ContentType::Json);
/// assert_eq!(letter.payload(), br#"{"street":"a"}"#);
/// assert!(letter.failed_at().elapsed()?.as_secs() < 60);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DeadLetter {
    number: u64,
    id: MessageId,
    key: Option<Arc<str>>,
    handler: &'static HandlerInfo,
    attempts: NonZeroU32,
    chain: Vec<String>,
    headers: Headers,
    failed_at: SystemTime,
    content_type: ContentType,
    payload: Bytes,
}

impl DeadLetter {
    /// Its number on this node, in the order in which letters came.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The id of the message.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// The type of the message.
    #[must_use]
    pub fn message(&self) -> &'static MessageInfo {
        self.handler.message()
    }

    /// The routing key; `None` for unkeyed messages.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The handler that failed.
    #[must_use]
    pub const fn handler(&self) -> &'static HandlerInfo {
        self.handler
    }

    /// How often it was tried.
    #[must_use]
    pub const fn attempts(&self) -> NonZeroU32 {
        self.attempts
    }

    /// The last error and its sources, outermost first.
    #[must_use]
    pub fn error_chain(&self) -> &[String] {
        &self.chain
    }

    /// The headers of the message.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// When the last attempt ended, by the clock of the node.
    #[must_use]
    pub const fn failed_at(&self) -> SystemTime {
        self.failed_at
    }

    /// How the payload is encoded.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// The message, encoded.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}
