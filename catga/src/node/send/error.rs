use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::BoxError;
use crate::delivery::Fault;
use crate::message::{DecodeError, MessageId, MessageInfo};
use crate::node::{NodeId, Refusal};
use crate::transport::TransportError;

/// Why a `send` has no response.
///
/// [`Display`](fmt::Display) says what happened to which message; the error behind it, such as the
/// declared one, is the [`source`](Error::source).
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
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError<E = Infallible> {
    /// The handler answered with the error that the message declares.
    Rejected(E),
    /// The handler of a message without a declared error failed, or one of its parameters or a
    /// layer did. The source is that error.
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
            Self::Failed(Failed(about)) => {
                about.place.idempotent && Fault::of(&*about.detail) != Fault::Permanent
            }
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
        Err(match self {
            Self::Rejected(error) => return Ok(error),
            Self::Failed(inner) => SendError::Failed(inner),
            Self::NoRoute(inner) => SendError::NoRoute(inner),
            Self::Refused(inner) => SendError::Refused(inner),
            Self::Timeout(inner) => SendError::Timeout(inner),
            Self::Panicked(inner) => SendError::Panicked(inner),
            Self::Decode(inner) => SendError::Decode(inner),
            Self::Transport(inner) => SendError::Transport(inner),
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

    /// The wire name of the message; `None` for a [`Rejected`](Self::Rejected).
    #[must_use]
    pub fn message(&self) -> Option<&'static str> {
        self.place().map(|place| place.message)
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

    fn place(&self) -> Option<&Place> {
        match self {
            Self::Rejected(_) => None,
            Self::Failed(Failed(about)) => Some(&about.place),
            Self::NoRoute(NoRoute(about)) => Some(&about.place),
            Self::Refused(Refused(about)) => Some(&about.place),
            Self::Transport(Untransported(about)) => Some(&about.place),
            Self::Timeout(Timeout(about)) => Some(&about.place),
            Self::Panicked(Panicked(about)) => Some(&about.place),
            Self::Decode(Undecodable(about)) => Some(&about.place),
        }
    }

    /// Says where it happened and to which message.
    #[cold]
    pub(crate) fn located(mut self, node: &NodeId, id: Option<MessageId>) -> Self {
        let place = match &mut self {
            Self::Rejected(_) => return self,
            Self::Failed(Failed(about)) => &mut about.place,
            Self::NoRoute(NoRoute(about)) => &mut about.place,
            Self::Refused(Refused(about)) => &mut about.place,
            Self::Transport(Untransported(about)) => &mut about.place,
            Self::Timeout(Timeout(about)) => &mut about.place,
            Self::Panicked(Panicked(about)) => &mut about.place,
            Self::Decode(Undecodable(about)) => &mut about.place,
        };
        place.node.get_or_insert_with(|| node.clone());
        place.id = place.id.or(id);
        self
    }

    #[cold]
    pub(crate) fn failed(message: &MessageInfo, source: BoxError) -> Self {
        Self::Failed(Failed(About::new(message, source)))
    }

    #[cold]
    pub(crate) fn no_route(message: &MessageInfo) -> Self {
        Self::NoRoute(NoRoute(About::new(message, ())))
    }

    #[cold]
    pub(crate) fn refused(message: &MessageInfo) -> Self {
        Self::refused_with(message, Refusal::Draining)
    }

    #[cold]
    pub(crate) fn refused_with(message: &MessageInfo, refusal: Refusal) -> Self {
        Self::Refused(Refused(About::new(message, refusal)))
    }

    #[cold]
    pub(crate) fn transport(message: &MessageInfo, source: TransportError) -> Self {
        Self::Transport(Untransported(About::new(message, source)))
    }

    #[cold]
    pub(crate) fn timeout(message: &MessageInfo, after: Duration) -> Self {
        Self::Timeout(Timeout(About::new(message, after)))
    }

    #[cold]
    pub(crate) fn panicked(message: &MessageInfo, text: String) -> Self {
        Self::Panicked(Panicked(About::new(message, text)))
    }

    #[cold]
    pub(crate) fn undecodable(message: &MessageInfo, source: DecodeError) -> Self {
        Self::Decode(Undecodable(About::new(message, source)))
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
        match self {
            Self::Rejected(never) => match never {},
            Self::Failed(inner) => SendError::Failed(inner),
            Self::NoRoute(inner) => SendError::NoRoute(inner),
            Self::Refused(inner) => SendError::Refused(inner),
            Self::Timeout(inner) => SendError::Timeout(inner),
            Self::Panicked(inner) => SendError::Panicked(inner),
            Self::Decode(inner) => SendError::Decode(inner),
            Self::Transport(inner) => SendError::Transport(inner),
        }
    }
}

impl<E> fmt::Display for SendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(_) => f.write_str("the handler rejected the message"),
            Self::Failed(inner) => inner.fmt(f),
            Self::NoRoute(inner) => inner.fmt(f),
            Self::Refused(inner) => inner.fmt(f),
            Self::Timeout(inner) => inner.fmt(f),
            Self::Panicked(inner) => inner.fmt(f),
            Self::Decode(inner) => inner.fmt(f),
            Self::Transport(inner) => inner.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for SendError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Rejected(error) => Some(error),
            Self::Failed(inner) => inner.source(),
            Self::Decode(inner) => inner.source(),
            Self::Transport(inner) => inner.source(),
            Self::NoRoute(_) | Self::Refused(_) | Self::Timeout(_) | Self::Panicked(_) => None,
        }
    }
}

/// Which message it was, where, and what is particular to the variant.
///
/// Boxed: what `send` returns is as small as the response allows.
#[derive(Debug)]
struct About<D> {
    place: Place,
    detail: D,
}

#[derive(Debug)]
struct Place {
    message: &'static str,
    idempotent: bool,
    node: Option<NodeId>,
    id: Option<MessageId>,
}

impl<D> About<D> {
    fn new(message: &MessageInfo, detail: D) -> Box<Self> {
        Box::new(Self {
            place: Place {
                message: message.name(),
                idempotent: message.is_idempotent(),
                node: None,
                id: None,
            },
            detail,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.message)?;
        if let Some(id) = self.id {
            write!(f, " {id}")?;
        }
        if let Some(node) = &self.node {
            write!(f, " on node `{node}`")?;
        }
        Ok(())
    }
}

/// The error of a handler without a declared one; see [`SendError::Failed`].
///
/// The error itself is the [`source`](Error::source).
#[derive(Debug)]
pub struct Failed(Box<About<BoxError>>);

impl Failed {
    /// The error itself.
    #[must_use]
    pub fn into_source(self) -> BoxError {
        self.0.detail
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the handler of {} failed", self.0.place)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0.detail)
    }
}

/// No node handles the message; see [`SendError::NoRoute`].
#[derive(Debug)]
pub struct NoRoute(Box<About<()>>);

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nobody handles {}: no `#[handler]` for it is registered and selected; if its crate is linked only for its handlers, list it in `catga::use_crates!`",
            self.0.place
        )
    }
}

impl Error for NoRoute {}

/// The node did not run it; see [`SendError::Refused`].
#[derive(Debug)]
pub struct Refused(Box<About<Refusal>>);

impl Refused {
    /// Why it was not run.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        self.0.detail
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} was refused and did not run: {}",
            self.0.place, self.0.detail
        )
    }
}

impl Error for Refused {}

/// No answer in time; see [`SendError::Timeout`].
#[derive(Debug)]
pub struct Timeout(Box<About<Duration>>);

impl Timeout {
    /// How long the call was given.
    #[must_use]
    pub fn after(&self) -> Duration {
        self.0.detail
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} did not answer within {:?}; its handler may have run",
            self.0.place, self.0.detail
        )
    }
}

impl Error for Timeout {}

/// The handler panicked; see [`SendError::Panicked`].
#[derive(Debug)]
pub struct Panicked(Box<About<String>>);

impl Panicked {
    /// What the panic said.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.detail
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the handler of {} panicked: {}",
            self.0.place, self.0.detail
        )
    }
}

impl Error for Panicked {}

/// The payload is not what its type says; see [`SendError::Decode`].
#[derive(Debug)]
pub struct Undecodable(Box<About<DecodeError>>);

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be decoded", self.0.place)
    }
}

impl Error for Undecodable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0.detail)
    }
}

/// The broker did not take the message; see [`SendError::Transport`].
#[derive(Debug)]
pub struct Untransported(Box<About<TransportError>>);

impl fmt::Display for Untransported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was not sent", self.0.place)
    }
}

impl Error for Untransported {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0.detail)
    }
}
