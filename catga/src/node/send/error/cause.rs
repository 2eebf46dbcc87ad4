use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::BoxError;
use crate::delivery::Fault;
use crate::message::{DecodeError, MessageId, MessageInfo};
use crate::node::{NodeId, Refusal};
use crate::telemetry::Chain;
use crate::transport::TransportError;

/// What the causes have in common.
pub(super) trait Cause: Error {
    fn place(&self) -> &Place;

    fn place_mut(&mut self) -> &mut Place;
}

/// Which message it was, and where.
pub(super) struct Place {
    message: &'static str,
    pub(super) idempotent: bool,
    pub(super) node: Option<NodeId>,
    pub(super) id: Option<MessageId>,
}

impl Place {
    fn of(message: &MessageInfo) -> Self {
        Self {
            message: message.name(),
            idempotent: message.is_idempotent(),
            node: None,
            id: None,
        }
    }

    pub(super) const fn message(&self) -> &'static str {
        self.message
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

/// Where it happened, and what is particular to the cause.
struct About<D> {
    place: Place,
    detail: D,
}

/// One cause: its detail, its text, and the error behind it where there is one.
macro_rules! cause {
    (
        $(#[$docs:meta])*
        $name:ident($detail:ty)
        text: |$f:ident, $place:pat_param, $told:pat_param| $text:expr,
        $(source: |$behind:ident| $source:expr,)?
    ) => {
        $(#[$docs])*
        // Boxed: what `send` returns is as small as the response allows.
        pub struct $name(Box<About<$detail>>);

        impl $name {
            pub(super) fn new(message: &MessageInfo, detail: $detail) -> Self {
                let place = Place::of(message);
                Self(Box::new(About { place, detail }))
            }

            /// The wire name of the message.
            #[must_use]
            pub fn message(&self) -> &'static str {
                self.0.place.message
            }

            /// The node on which it happened, if it got to one.
            #[must_use]
            pub fn node(&self) -> Option<&NodeId> {
                self.0.place.node.as_ref()
            }

            /// The id of the message, if one was given to it.
            #[must_use]
            pub fn id(&self) -> Option<MessageId> {
                self.0.place.id
            }
        }

        impl Cause for $name {
            fn place(&self) -> &Place {
                &self.0.place
            }

            fn place_mut(&mut self) -> &mut Place {
                &mut self.0.place
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Chain(self), f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, $f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let About { place: $place, detail: $told } = &*self.0;
                $text
            }
        }

        impl Error for $name {
            $(
                fn source(&self) -> Option<&(dyn Error + 'static)> {
                    let $behind = &self.0.detail;
                    Some($source)
                }
            )?
        }
    };
}

cause! {
    /// The error of a handler without a declared one, or of something before it; see
    /// [`SendError::Failed`].
    ///
    /// The error itself is the [`source`](Error::source).
    ///
    /// [`SendError::Failed`]: super::SendError::Failed
    Failed((BoxError, Option<Fault>))
    text: |f, place, _| write!(f, "{place} failed"),
    source: |detail| &*detail.0,
}

impl Failed {
    /// The error itself.
    #[must_use]
    pub fn into_source(self) -> BoxError {
        self.0.detail.0
    }

    /// What `#[derive(Fault)]` says of the error: [`Fault::of`] its source, but also where the
    /// handler returned the error in an `anyhow::Error`, which hides it once it is converted.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match Fault::of(&*self.0.detail.0) {
            Fault::UNDECLARED => self.known_fault().unwrap_or(Fault::UNDECLARED),
            declared => declared,
        }
    }

    /// The same, if it was looked at before the error was converted.
    pub(super) fn known_fault(&self) -> Option<Fault> {
        self.0.detail.1
    }
}

cause! {
    /// No node handles the message; see [`SendError::NoRoute`].
    ///
    /// [`SendError::NoRoute`]: super::SendError::NoRoute
    NoRoute(())
    text: |f, place, ()| write!(
        f,
        "nobody handles {place}: no `#[handler]` for it is registered and selected; if its crate is linked only for its handlers, list it in `catga::use_crates!`",
    ),
}

cause! {
    /// The node did not run it; see [`SendError::Refused`].
    ///
    /// [`SendError::Refused`]: super::SendError::Refused
    Refused(Refusal)
    text: |f, place, refusal| write!(f, "{place} was refused and did not run: {refusal}"),
}

impl Refused {
    /// Why it was not run.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        self.0.detail
    }
}

cause! {
    /// No answer in time; see [`SendError::Timeout`].
    ///
    /// [`SendError::Timeout`]: super::SendError::Timeout
    Timeout(Duration)
    text: |f, place, after| write!(
        f,
        "{place} did not answer within {after:?}; its handler may have run",
    ),
}

impl Timeout {
    /// How long the call was given.
    #[must_use]
    pub fn after(&self) -> Duration {
        self.0.detail
    }
}

cause! {
    /// The handler panicked; see [`SendError::Panicked`].
    ///
    /// [`SendError::Panicked`]: super::SendError::Panicked
    Panicked(String)
    text: |f, place, text| write!(f, "the handler of {place} panicked: {text}"),
}

impl Panicked {
    /// What the panic said.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.detail
    }
}

cause! {
    /// The payload is not what its type says; see [`SendError::Decode`].
    ///
    /// [`SendError::Decode`]: super::SendError::Decode
    Undecodable(DecodeError)
    text: |f, place, _| write!(f, "{place} cannot be decoded"),
    source: |detail| detail,
}

cause! {
    /// The broker did not take the message; see [`SendError::Transport`].
    ///
    /// [`SendError::Transport`]: super::SendError::Transport
    Untransported(TransportError)
    text: |f, place, _| write!(f, "{place} was not sent"),
    source: |detail| detail,
}
