use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::message::{EncodeError, MessageId};
use crate::telemetry::Chain;
use crate::transport::{AppendError, TransportError};

/// Why a message was not stored, or not broadcast.
///
/// Nothing of it is stored and no handler will run, but for [`Transport`](Self::Transport) and
/// [`Partly`](Self::Partly), where it may be stored, and [`NotBroadcast`](Self::NotBroadcast), where
/// nodes may have heard it.
///
/// [`Debug`](fmt::Debug) is the variant, the text of [`Display`](fmt::Display) and all sources: it
/// is what `main` shows when it returns the error.
///
/// # Examples
///
/// ```
/// use catga::{Node, StoreError, command};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[derive(Serialize, Deserialize)]
/// struct Unhandled;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let node = Node::builder("orders").only(|_| false).start().await?;
/// let error = node.enqueue(Unhandled).await.unwrap_err();
/// assert!(matches!(error, StoreError::NoService { .. }));
/// assert_eq!(error.message(), "Unhandled");
/// node.shutdown().await?;
/// let error = node.enqueue(Unhandled).await.unwrap_err();
/// assert!(error.to_string().contains("was not stored"));
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum StoreError {
    /// No service takes the command.
    #[non_exhaustive]
    NoService {
        /// The wire name of the command.
        message: &'static str,
    },
    /// The node is shutting down or shut down.
    #[non_exhaustive]
    Refused {
        /// The wire name of the message.
        message: &'static str,
        /// Its id, if it had one.
        id: Option<MessageId>,
    },
    /// The queue had no room until the deadline, or the broker has none.
    #[non_exhaustive]
    Full {
        /// The wire name of the message.
        message: &'static str,
        /// Its id: to store it under the same id later, give it with `Options::id`.
        id: MessageId,
        /// How long the call waited for room; `None` where a broker refused it at once.
        after: Option<Duration>,
    },
    /// The message is larger than the broker takes.
    #[non_exhaustive]
    TooLarge {
        /// The wire name of the message.
        message: &'static str,
        /// Its id.
        id: MessageId,
        /// Its size as the broker counts it, in bytes.
        size: usize,
        /// The largest that the broker takes, in bytes.
        limit: usize,
    },
    /// Not every service that takes the event has it. Publish it again with its id
    /// ([`Options::id`](crate::Options::id)): where it is stored it is not stored twice.
    #[non_exhaustive]
    Partly {
        /// The wire name of the event.
        message: &'static str,
        /// Its id.
        id: MessageId,
        /// The services that have it.
        stored: Vec<Arc<str>>,
        /// The services that may not have it, and why.
        failed: Vec<(Arc<str>, AppendError)>,
    },
    /// The broker did not take the message in time. It may be stored all the same.
    #[non_exhaustive]
    Transport {
        /// The wire name of the message.
        message: &'static str,
        /// Its id.
        id: MessageId,
        /// What the broker said.
        source: TransportError,
    },
    /// The broker did not take the broadcast in time. Nothing of it is stored, but any of the nodes
    /// may have heard it: handlers that run for it when it is broadcast again, also with the same id,
    /// may have run before.
    #[non_exhaustive]
    NotBroadcast {
        /// The wire name of the event.
        message: &'static str,
        /// Its id.
        id: MessageId,
        /// What the broker said.
        source: TransportError,
    },
    /// The message's own `Serialize` refused it.
    #[non_exhaustive]
    Encode {
        /// The wire name of the message.
        message: &'static str,
        /// What `Serialize` said.
        source: EncodeError,
    },
}

impl StoreError {
    /// The wire name of the message.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::NoService { message }
            | Self::Refused { message, .. }
            | Self::Full { message, .. }
            | Self::TooLarge { message, .. }
            | Self::Partly { message, .. }
            | Self::Transport { message, .. }
            | Self::NotBroadcast { message, .. }
            | Self::Encode { message, .. } => message,
        }
    }

    /// The id of the message, if it had one: give it with [`Options::id`](crate::Options::id) to
    /// store the message under the same id later.
    #[must_use]
    pub const fn id(&self) -> Option<MessageId> {
        match self {
            Self::Refused { id, .. } => *id,
            Self::Full { id, .. }
            | Self::TooLarge { id, .. }
            | Self::Partly { id, .. }
            | Self::Transport { id, .. }
            | Self::NotBroadcast { id, .. } => Some(*id),
            Self::NoService { .. } | Self::Encode { .. } => None,
        }
    }

    /// Whether storing the same message again, with its [`id`](Self::id), may succeed and cannot run
    /// a handler twice.
    ///
    /// True where nothing was stored for a reason that passes, and where what is stored is known by
    /// its id for two minutes. False where nothing changes by itself: a service takes a command from
    /// the start of its first node on, also while none of its nodes runs. And false for a broadcast,
    /// whose nodes may have heard it.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::message::Command;
    /// use catga::node::Stored;
    /// use catga::{Node, Options, StoreError};
    ///
    /// async fn enqueue<C: Command + Clone>(node: &Node, command: C) -> Result<Stored, StoreError> {
    ///     match node.enqueue(command.clone()).await {
    ///         Err(error) if error.is_retryable() => {
    ///             let again = error.id().map_or_else(Options::new, |id| Options::new().id(id));
    ///             node.with(again).enqueue(command).await
    ///         }
    ///         stored => stored,
    ///     }
    /// }
    ///
    /// # use serde::{Deserialize, Serialize};
    /// # #[catga::command]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # struct Unhandled;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let node = Node::builder("orders").only(|_| false).start().await?;
    /// let error = enqueue(&node, Unhandled).await.unwrap_err();
    /// assert!(!error.is_retryable(), "no service takes it");
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Full { .. } | Self::Transport { .. } => true,
            // A service whose broker never takes it fails each time.
            Self::Partly { failed, .. } => failed
                .iter()
                .all(|(_, error)| !matches!(error, AppendError::TooLarge { .. })),
            Self::NoService { .. }
            | Self::TooLarge { .. }
            | Self::NotBroadcast { .. }
            | Self::Encode { .. } => false,
        }
    }

    /// The variant, as it is written in code.
    const fn variant(&self) -> &'static str {
        match self {
            Self::NoService { .. } => "NoService",
            Self::Refused { .. } => "Refused",
            Self::Full { .. } => "Full",
            Self::TooLarge { .. } => "TooLarge",
            Self::Partly { .. } => "Partly",
            Self::Transport { .. } => "Transport",
            Self::NotBroadcast { .. } => "NotBroadcast",
            Self::Encode { .. } => "Encode",
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variant(), Chain(self))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoService { message } => write!(
                f,
                "`{message}` was not stored: no service takes it; add a `#[handler]` for it, or list the crate that has one in `catga::use_crates!`"
            ),
            Self::Refused { message, .. } => {
                write!(f, "`{message}` was not stored: the node is shutting down")
            }
            Self::Full {
                message,
                id,
                after: None,
            } => write!(
                f,
                "`{message}` {id} was not stored: the broker has no room for it; give the broker more, or wait until what is stored is handled, and repeat it with the same id"
            ),
            Self::Full {
                message,
                id,
                after: Some(after),
            } => write!(
                f,
                "`{message}` {id} was not stored: the queue had no room within {after:?}; its handlers are slower than its publishers, or `Builder::queue_capacity` is too small"
            ),
            Self::TooLarge {
                message,
                id,
                size,
                limit,
            } => write!(
                f,
                "`{message}` {id} was not stored: it has {size} bytes and the broker takes at most {limit}"
            ),
            Self::Partly {
                message,
                id,
                stored,
                failed,
            } => {
                write!(
                    f,
                    "`{message}` {id} is stored for {} of {} services",
                    stored.len(),
                    stored.len() + failed.len()
                )?;
                for (service, error) in failed {
                    write!(f, "; `{service}`: {}", Chain(error))?;
                }
                f.write_str("; publish it again with the same id")
            }
            Self::Transport { message, id, .. } => {
                write!(
                    f,
                    "`{message}` {id} was possibly not stored: repeat it with the same id"
                )
            }
            Self::NotBroadcast { message, id, .. } => {
                write!(
                    f,
                    "`{message}` {id} was possibly not broadcast to every node; broadcast it again only if its handlers may run twice"
                )
            }
            Self::Encode { message, .. } => {
                write!(f, "`{message}` was not stored: it cannot be encoded")
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode { source, .. } => Some(source),
            Self::Transport { source, .. } | Self::NotBroadcast { source, .. } => Some(source),
            // Its text tells what failed, of each service.
            Self::Partly { .. }
            | Self::NoService { .. }
            | Self::TooLarge { .. }
            | Self::Refused { .. }
            | Self::Full { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn each_failure_is_told_once() {
        let failed = TransportError::new("store a message", "it did not answer in time");
        let error = StoreError::Partly {
            message: "Placed",
            id: MessageId::new(),
            stored: vec!["shop".into()],
            failed: vec![("books".into(), AppendError::Transport(failed))],
        };
        let text = error.to_string();
        assert!(text.contains("1 of 2 services; `books`: "), "{text}");
        assert!(text.contains("it did not answer in time"), "{text}");
        assert!(error.source().is_none());
    }

    #[test]
    fn debug_is_the_text_and_its_sources() {
        let error = StoreError::NoService { message: "Place" };
        assert_eq!(format!("{error:?}"), format!("NoService: {error}"));
        let error = StoreError::Transport {
            message: "Place",
            id: MessageId::new(),
            source: TransportError::new("store a message", "refused"),
        };
        assert_eq!(
            format!("{error:?}"),
            format!("Transport: {error}: the broker could not store a message: refused")
        );
    }

    #[test]
    fn a_full_broker_is_not_the_queue_of_a_node() {
        let full = |after| StoreError::Full {
            message: "Placed",
            id: MessageId::new(),
            after,
        };
        let text = full(None).to_string();
        assert!(text.contains("the broker has no room"), "{text}");
        assert!(!text.contains("queue_capacity"), "{text}");
        let text = full(Some(Duration::from_secs(3))).to_string();
        assert!(text.contains("within 3s"), "{text}");
    }
    #[test]
    fn what_passes_and_harms_nothing_is_worth_another_try() {
        let (message, id) = ("Placed", MessageId::new());
        let source = || TransportError::new("store a message", "refused");
        let too_large = || AppendError::TooLarge { size: 2, limit: 1 };
        let partly = |failed: Vec<AppendError>| StoreError::Partly {
            message,
            id,
            stored: vec!["shop".into()],
            failed: failed
                .into_iter()
                .map(|error| ("books".into(), error))
                .collect(),
        };
        let transport = || AppendError::Transport(source());
        for error in [
            StoreError::Refused { message, id: None },
            StoreError::Full {
                message,
                id,
                after: None,
            },
            StoreError::Transport {
                message,
                id,
                source: source(),
            },
            partly(vec![AppendError::Full, transport()]),
        ] {
            assert!(error.is_retryable(), "{error:?}");
        }
        for error in [
            StoreError::NoService { message },
            StoreError::TooLarge {
                message,
                id,
                size: 2,
                limit: 1,
            },
            StoreError::NotBroadcast {
                message,
                id,
                source: source(),
            },
            partly(vec![transport(), too_large()]),
        ] {
            assert!(!error.is_retryable(), "{error:?}");
        }
    }
}
