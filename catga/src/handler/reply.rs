use super::run::Reply;
use crate::BoxError;
use crate::message::{DeclaresError, Message};
use crate::node::SendError;

/// What a handler of `M` may return.
///
/// - `R`, the message's response (`()` for events and for commands without `response`);
/// - `Result<R, E>` with exactly the declared error;
/// - where none is declared, `Result<R, E>` with any `E: Into<BoxError>`, `anyhow::Error` too.
///
/// `Via` tells the three apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "a handler of `{M}` cannot return `{Self}`",
    label = "not what the message declares",
    note = "return the response, or `Result<response, error>`: both as `#[command(response = .., error = ..)]` or `#[query(..)]` names them; without `error`, any error that converts into `Box<dyn Error + Send + Sync>`; the response of an event is `()`"
)]
pub trait IntoReply<M: Message, Via> {
    /// The reply to the caller.
    fn into_reply(self) -> Reply<M>;
}

/// The handler returns the response.
#[doc(hidden)]
#[derive(Debug)]
pub enum Response {}

/// The handler returns the response or the declared error.
#[doc(hidden)]
#[derive(Debug)]
pub enum Declared {}

/// The handler returns the response or any error.
#[doc(hidden)]
#[derive(Debug)]
pub enum Undeclared {}

impl<M: Message> IntoReply<M, Response> for <M as Message>::Response {
    #[inline]
    fn into_reply(self) -> Reply<M> {
        Ok(self)
    }
}

impl<M: DeclaresError> IntoReply<M, Declared> for Result<M::Response, M::Error> {
    #[inline]
    fn into_reply(self) -> Reply<M> {
        self.map_err(SendError::Rejected)
    }
}

impl<M, E> IntoReply<M, Undeclared> for Result<M::Response, E>
where
    M: Message<Error = std::convert::Infallible>,
    E: Into<BoxError>,
{
    #[inline]
    fn into_reply(self) -> Reply<M> {
        self.map_err(|error| SendError::failed(M::info(), error.into()))
    }
}
