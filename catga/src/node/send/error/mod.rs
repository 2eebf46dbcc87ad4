//! Why a `send` has no response.

mod cause;

use std::any::type_name;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::time::Duration;

pub use cause::{Failed, NoRoute, Panicked, Refused, Timeout, Undecodable, Untransported};

use crate::BoxError;
use crate::delivery::Fault;
use crate::delivery::fault::Classifier;
use crate::message::{DecodeError, MessageId, MessageInfo};
use crate::node::{NodeId, Refusal};
use crate::telemetry::Chain;
use crate::transport::TransportError;
use cause::{Cause, Place};

// What a handler passes on is what it was where it came from.
inventory::submit! {
    Classifier::new(|error| match error.downcast_ref()? {
        SendError::<Infallible>::Failed(failed) => failed.known_fault(),
        _ => None,
    })
}

/// Why a `send` has no response.
///
/// [`Display`](fmt::Display) says what happened to which message, but a
/// [`Rejected`](Self::Rejected) knows only the type of its error. The error behind it, such as the
/// declared one, is the [`source`](Error::source), and is not repeated in the text.
/// [`Debug`](fmt::Debug) is the variant, that text and the sources: it is what `main` shows when it
/// returns the error.
///
/// `E` is the error that the message declares, [`Infallible`] where it declares none.
/// [`split`](Self::split) separates that error from everything else and [`widen`](SendError::widen)
/// goes the other way, so that `?` works between messages with different errors.
///
/// # Examples
///
/// ```
/// use catga::{Node, SendError, query};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = u32)]
/// #[derive(Serialize, Deserialize)]
/// struct Unhandled;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let node = Node::builder("client").only(|_| false).start().await?;
/// let error = node.send(Unhandled).await.unwrap_err();
/// assert!(matches!(error, SendError::NoRoute(_)));
/// assert!(error.is_retryable(), "nothing ran");
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum SendError<E = Infallible> {
    /// The handler answered with the error that the message declares.
    Rejected(E),
    /// The handler of a message without a declared error failed, or one of its parameters or a
    /// layer did; or the message cannot be encoded, or it or its answer is larger than the broker
    /// takes. The source is that error.
    Failed(Failed),
    /// No node handles the message. Nothing ran.
    NoRoute(NoRoute),
    /// No node took it: see [`Refusal`]. Nothing ran.
    Refused(Refused),
    /// No answer within the deadline. The handler may have run.
    Timeout(Timeout),
    /// The handler panicked.
    Panicked(Panicked),
    /// The payload, or the answer, is not what its type says.
    Decode(Undecodable),
    /// The broker did not take the message. Nothing ran.
    Transport(Untransported),
}

impl<E> SendError<E> {
    /// Whether sending the same message again may succeed and cannot run a handler twice that
    /// was not declared idempotent.
    ///
    /// True where nothing ran for a reason that passes; for queries and `idempotent` commands
    /// also after a timeout, a panic or a failure that is not [`Fault::Permanent`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoRoute(_) | Self::Refused(_) | Self::Transport(_) => true,
            Self::Rejected(_) | Self::Decode(_) => false,
            Self::Failed(failed) => failed.place().idempotent && failed.fault() != Fault::Permanent,
            Self::Timeout(_) | Self::Panicked(_) => {
                self.place().is_some_and(|place| place.idempotent)
            }
        }
    }

    /// The declared error, or everything else.
    ///
    /// # Errors
    ///
    /// Every variant but [`Rejected`](Self::Rejected).
    ///
    /// # Examples
    ///
    /// ```
    /// # use catga::SendError;
    /// # #[derive(Debug, PartialEq)] struct SoldOut;
    /// fn place(result: Result<u32, SendError<SoldOut>>) -> Result<Option<u32>, SendError> {
    ///     match result {
    ///         Ok(receipt) => Ok(Some(receipt)),
    ///         Err(error) => {
    ///             let SoldOut = error.split()?;
    ///             Ok(None)
    ///         }
    ///     }
    /// }
    /// assert_eq!(place(Err(SendError::Rejected(SoldOut))).unwrap(), None);
    /// ```
    pub fn split(self) -> Result<E, SendError> {
        self.declared()
    }

    /// The declared error, or everything else as the error of a message that declares another.
    fn declared<F>(self) -> Result<E, SendError<F>> {
        Err(match self {
            Self::Rejected(error) => return Ok(error),
            Self::Failed(cause) => SendError::Failed(cause),
            Self::NoRoute(cause) => SendError::NoRoute(cause),
            Self::Refused(cause) => SendError::Refused(cause),
            Self::Timeout(cause) => SendError::Timeout(cause),
            Self::Panicked(cause) => SendError::Panicked(cause),
            Self::Decode(cause) => SendError::Decode(cause),
            Self::Transport(cause) => SendError::Transport(cause),
        })
    }

    /// The variant, as one word for spans and metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::Failed(_) => "failed",
            Self::NoRoute(_) => "no_route",
            Self::Refused(_) => "refused",
            Self::Timeout(_) => "timeout",
            Self::Panicked(_) => "panicked",
            Self::Decode(_) => "decode",
            Self::Transport(_) => "transport",
        }
    }

    /// The variant, as it is written in code.
    const fn variant(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "Rejected",
            Self::Failed(_) => "Failed",
            Self::NoRoute(_) => "NoRoute",
            Self::Refused(_) => "Refused",
            Self::Timeout(_) => "Timeout",
            Self::Panicked(_) => "Panicked",
            Self::Decode(_) => "Decode",
            Self::Transport(_) => "Transport",
        }
    }

    /// The wire name of the message; `None` for a [`Rejected`](Self::Rejected).
    #[must_use]
    pub fn message(&self) -> Option<&'static str> {
        self.place().map(Place::message)
    }

    /// The node on which it happened, if it got to one.
    #[must_use]
    pub fn node(&self) -> Option<&NodeId> {
        self.place()?.node.as_ref()
    }

    /// The id of the message, if one was given to it.
    #[must_use]
    pub fn id(&self) -> Option<MessageId> {
        self.place()?.id
    }

    /// What the variants but [`Rejected`](Self::Rejected) have in common.
    fn cause(&self) -> Option<&(dyn Cause + 'static)> {
        Some(match self {
            Self::Rejected(_) => return None,
            Self::Failed(cause) => cause,
            Self::NoRoute(cause) => cause,
            Self::Refused(cause) => cause,
            Self::Timeout(cause) => cause,
            Self::Panicked(cause) => cause,
            Self::Decode(cause) => cause,
            Self::Transport(cause) => cause,
        })
    }

    fn place(&self) -> Option<&Place> {
        self.cause().map(Cause::place)
    }

    /// Says where it happened and to which message.
    #[cold]
    pub(crate) fn located(mut self, node: &NodeId, id: Option<MessageId>) -> Self {
        let cause: &mut dyn Cause = match &mut self {
            Self::Rejected(_) => return self,
            Self::Failed(cause) => cause,
            Self::NoRoute(cause) => cause,
            Self::Refused(cause) => cause,
            Self::Timeout(cause) => cause,
            Self::Panicked(cause) => cause,
            Self::Decode(cause) => cause,
            Self::Transport(cause) => cause,
        };
        let place = cause.place_mut();
        place.node.get_or_insert_with(|| node.clone());
        place.id = place.id.or(id);
        self
    }

    #[cold]
    pub(crate) fn failed(message: &MessageInfo, source: BoxError) -> Self {
        Self::failed_as(message, source, None)
    }

    /// `fault` is what is declared of the error, where the error itself no longer tells.
    #[cold]
    pub(crate) fn failed_as(message: &MessageInfo, source: BoxError, fault: Option<Fault>) -> Self {
        Self::Failed(Failed::new(message, (source, fault)))
    }

    #[cold]
    pub(crate) fn no_route(message: &MessageInfo) -> Self {
        Self::NoRoute(NoRoute::new(message, ()))
    }

    #[cold]
    pub(crate) fn refused(message: &MessageInfo) -> Self {
        Self::refused_with(message, Refusal::Draining)
    }

    #[cold]
    pub(crate) fn refused_with(message: &MessageInfo, refusal: Refusal) -> Self {
        Self::Refused(Refused::new(message, refusal))
    }

    #[cold]
    pub(crate) fn transport(message: &MessageInfo, source: TransportError) -> Self {
        Self::Transport(Untransported::new(message, source))
    }

    #[cold]
    pub(crate) fn timeout(message: &MessageInfo, after: Duration) -> Self {
        Self::Timeout(Timeout::new(message, after))
    }

    #[cold]
    pub(crate) fn panicked(message: &MessageInfo, text: String) -> Self {
        Self::Panicked(Panicked::new(message, text))
    }

    #[cold]
    pub(crate) fn undecodable(message: &MessageInfo, source: DecodeError) -> Self {
        Self::Decode(Undecodable::new(message, source))
    }
}

impl SendError {
    /// The same error, of a message that declares `E`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use catga::SendError;
    /// # struct SoldOut;
    /// fn forward(result: Result<u32, SendError>) -> Result<u32, SendError<SoldOut>> {
    ///     Ok(result.map_err(SendError::widen)?)
    /// }
    /// assert!(forward(Ok(1)).is_ok());
    /// ```
    #[must_use]
    pub fn widen<E>(self) -> SendError<E> {
        match self.declared() {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }
}

// The declared error shows its own `Debug`: that it has a text is not asked of `E` here.
impl<E: fmt::Debug> fmt::Debug for SendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.variant())?;
        match self {
            Self::Rejected(error) => write!(f, "{self}: {error:?}"),
            other => match other.cause() {
                Some(cause) => fmt::Display::fmt(&Chain(cause), f),
                None => fmt::Display::fmt(other, f),
            },
        }
    }
}

impl<E> fmt::Display for SendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause() {
            None => write!(
                f,
                "the handler rejected the message with `{}`",
                type_name::<E>()
            ),
            Some(cause) => fmt::Display::fmt(cause, f),
        }
    }
}

impl<E: Error + 'static> Error for SendError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Rejected(error) => Some(error),
            other => other.cause()?.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Message;

    #[crate::command]
    #[derive(Serialize, Deserialize)]
    struct Place;

    #[derive(Debug, thiserror::Error)]
    #[error("{sku} is sold out")]
    struct SoldOut {
        sku: &'static str,
    }

    #[test]
    fn debug_is_the_text_and_its_sources() {
        let refused = std::io::Error::other("refused");
        let source = TransportError::new("send a frame", refused);
        let error = SendError::<SoldOut>::transport(Place::info(), source);
        assert_eq!(
            format!("{error:?}"),
            "Transport: `Place` was not sent: the broker could not send a frame: refused"
        );
        let error = SendError::<SoldOut>::no_route(Place::info());
        assert_eq!(format!("{error:?}"), format!("NoRoute: {error}"));
        let SendError::NoRoute(cause) = error else {
            panic!("{error:?}");
        };
        assert_eq!(format!("{cause:?}"), cause.to_string());
    }

    #[test]
    fn a_rejection_names_its_error_once() {
        let error = SendError::Rejected(SoldOut { sku: "tea" });
        let text = error.to_string();
        assert!(text.ends_with("::SoldOut`"), "{text}");
        assert_eq!(
            format!("{error:?}"),
            format!("Rejected: {text}: SoldOut {{ sku: \"tea\" }}")
        );
        assert_eq!(
            Chain(&error).to_string(),
            format!("{text}: tea is sold out")
        );
    }
}
