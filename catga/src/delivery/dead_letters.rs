use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::Fault;
use crate::message::{Headers, MessageId};

/// A message that a handler could not handle, with everything that is known of it.
///
/// Each handler of an event has a dead letter of its own. [`Node::dead_letters`] lists them,
/// [`Node::replay`] and [`Node::discard`] end them. [`Display`](fmt::Display) is one line for people,
/// with the outermost error at its end.
///
/// [`Node::dead_letters`]: crate::Node::dead_letters
/// [`Node::replay`]: crate::Node::replay
/// [`Node::discard`]: crate::Node::discard
///
/// # Examples
///
/// ```
/// use catga::delivery::Reason;
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
/// let letter = node.dead_letters().await?.remove(0);
/// assert_eq!((letter.id(), letter.key()), (sent.id(), Some("a")));
/// assert_eq!(letter.message(), "ParcelSent");
/// assert!(letter.handler().unwrap().ends_with("::deliver"));
/// assert_eq!(letter.reason(), Reason::Permanent);
/// assert_eq!(letter.attempts(), 1);
/// assert_eq!(letter.error_chain(), ["there is no such street"]);
/// assert_eq!(letter.headers().get("tenant"), Some("acme"));
/// assert_eq!(letter.content_type(), "application/json");
/// let line = letter.to_string();
/// assert!(line.ends_with(": there is no such street"), "{line}");
/// assert_eq!(letter.node(), node.id().as_str());
/// assert_eq!(letter.payload(), br#"{"street":"a"}"#);
/// assert!(letter.failed_at().elapsed()?.as_secs() < 60);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DeadLetter {
    pub(super) number: u64,
    pub(super) id: MessageId,
    pub(super) message: Cow<'static, str>,
    pub(super) key: Option<Arc<str>>,
    pub(super) reason: Reason,
    pub(super) handler: Option<String>,
    pub(super) attempts: u32,
    pub(super) chain: Vec<String>,
    pub(super) node: String,
    pub(super) headers: Headers,
    pub(super) failed_at: SystemTime,
    pub(super) content_type: Cow<'static, str>,
    pub(super) payload: Bytes,
    pub(super) source: Arc<str>,
    pub(super) time: SystemTime,
    /// Whether it is one of the front door.
    pub(super) unclaimed: bool,
}

impl DeadLetter {
    /// Its number among the dead letters of its service, in the order in which they came.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The id of the message.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// The wire name of the message; empty where nothing could be read.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The routing key; `None` for unkeyed messages.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Why it is here.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The path of the handler that failed, as in `shop::orders::place`; `None` if no handler was
    /// run for it.
    #[must_use]
    pub fn handler(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// How often it was tried; for [`Reason::Crashes`], in how many crashes it was running.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The last error and its sources, outermost first.
    #[must_use]
    pub fn error_chain(&self) -> &[String] {
        &self.chain
    }

    /// The node that gave it up.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
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

    /// How the payload is encoded, as in `application/json`.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The message, encoded.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.message {
            "" => f.write_str("a message without a readable name")?,
            name => write!(f, "`{name}`")?,
        }
        write!(f, " {}", self.id)?;
        if let Some(handler) = &self.handler {
            write!(f, " of the handler `{handler}`")?;
        }
        let counted = match self.reason {
            Reason::Crashes => "crashes",
            _ if self.attempts == 1 => "attempt",
            _ => "attempts",
        };
        write!(f, " ({} {counted}", self.attempts)?;
        if !self.node.is_empty() {
            write!(f, ", node `{}`", self.node)?;
        }
        f.write_str(")")?;
        let error = self.chain.first().map_or("", String::as_str);
        // An error may have lines of its own: this is one.
        for (at, line) in error.split_whitespace().enumerate() {
            f.write_str(if at == 0 { ": " } else { " " })?;
            f.write_str(line)?;
        }
        Ok(())
    }
}

/// Why a message is a dead letter.
///
/// # Examples
///
/// ```
/// use catga::delivery::Reason;
///
/// assert_eq!(Reason::UnknownType.as_str(), "unknown type");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Its attempts are used up.
    Attempts,
    /// Its handler's error is [`Permanent`](Fault::Permanent), or its payload cannot be decoded.
    Permanent,
    /// No live node of the service knows its type, after each had
    /// [`node_timeout`](crate::node::Builder::node_timeout) to be heard of; or the node that got a
    /// replay does not have its handler.
    UnknownType,
    /// It is no message, or nothing here reads its format. At the front door also: it has no key
    /// though its type has, or is too large.
    Unreadable,
    /// It was running in too many crashes:
    /// [`Builder::max_crashes`](crate::node::Builder::max_crashes).
    Crashes,
}

impl Reason {
    const ALL: [Self; 5] = [
        Self::Attempts,
        Self::Permanent,
        Self::UnknownType,
        Self::Unreadable,
        Self::Crashes,
    ];

    /// As it is written down in the broker.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Permanent => "permanent",
            Self::UnknownType => "unknown type",
            Self::Unreadable => "unreadable",
            Self::Crashes => "crashes",
        }
    }

    pub(super) const fn of(fault: Fault) -> Self {
        match fault {
            Fault::Permanent => Self::Permanent,
            Fault::Transient { .. } => Self::Attempts,
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> DeadLetter {
        DeadLetter {
            number: 1,
            id: MessageId::from_hash(7),
            message: Cow::Borrowed("Placed"),
            key: None,
            reason: Reason::Attempts,
            handler: Some("shop::bill".to_owned()),
            attempts: 5,
            chain: vec!["no\n  answer".to_owned(), "refused".to_owned()],
            node: "n1".to_owned(),
            headers: Headers::default(),
            failed_at: SystemTime::UNIX_EPOCH,
            content_type: Cow::Borrowed("application/json"),
            payload: Bytes::new(),
            source: "shop".into(),
            time: SystemTime::UNIX_EPOCH,
            unclaimed: false,
        }
    }

    #[test]
    fn its_text_is_one_line() {
        let letter = letter();
        let id = letter.id;
        assert_eq!(
            letter.to_string(),
            format!("`Placed` {id} of the handler `shop::bill` (5 attempts, node `n1`): no answer")
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let letter = DeadLetter {
            message: Cow::Borrowed(""),
            reason: Reason::Unreadable,
            handler: None,
            attempts: 1,
            chain: Vec::new(),
            node: String::new(),
            ..letter()
        };
        let id = letter.id;
        assert_eq!(
            letter.to_string(),
            format!("a message without a readable name {id} (1 attempt)")
        );
    }
}
