use super::run::Reply;
use crate::BoxError;
use crate::message::{Declared, Message, MessageInfo, Undeclared};
use crate::node::SendError;

/// What a handler of a message with response `R` and error `E` may return.
///
/// - `R`, the message's response (`()` for events and for commands without `response`);
/// - `Result<R, E>` with exactly the declared error;
/// - where none is declared, `Result<R, E>` with any `E: Into<BoxError>`, `anyhow::Error` too.
///
/// `Declares` says whether there is a declared error. `Via` tells the response from a result and
/// is always inferred. The message itself is not named here: were it no message at all, that
/// would be said a second time.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler of this message cannot return `{Self}`",
    label = "the message's response is `{R}`",
    note = "return `{R}`, or a `Result` of it: with the error that the message declares as `error = ..`, or, where it declares none, with any error that converts into `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoReply<R, E, Declares, Via> {
    /// The reply to the caller.
    #[allow(clippy::missing_errors_doc, reason = "for the macros")]
    fn into_reply(self, message: fn() -> &'static MessageInfo) -> Result<R, SendError<E>>;
}

/// The handler returns the response.
#[doc(hidden)]
#[derive(Debug)]
pub enum Response {}

/// The handler returns the response or an error.
#[doc(hidden)]
#[derive(Debug)]
pub enum Fallible {}

impl<R, E, Declares> IntoReply<R, E, Declares, Response> for R {
    #[inline]
    fn into_reply(self, _: fn() -> &'static MessageInfo) -> Result<R, SendError<E>> {
        Ok(self)
    }
}

impl<R, E> IntoReply<R, E, Declared, Fallible> for Result<R, E> {
    #[inline]
    fn into_reply(self, _: fn() -> &'static MessageInfo) -> Result<R, SendError<E>> {
        self.map_err(SendError::Rejected)
    }
}

#[diagnostic::do_not_recommend]
impl<R, E, X: Into<BoxError>> IntoReply<R, E, Undeclared, Fallible> for Result<R, X> {
    #[inline]
    fn into_reply(self, message: fn() -> &'static MessageInfo) -> Result<R, SendError<E>> {
        self.map_err(|error| SendError::failed(message(), error.into()))
    }
}

/// Makes a reply of what a handler of `M` returned.
#[doc(hidden)]
#[inline]
#[allow(clippy::missing_errors_doc, reason = "for the macros")]
pub fn reply<M, T, Via>(returned: T) -> Reply<M>
where
    M: Message,
    T: IntoReply<M::Response, M::Error, M::Declares, Via>,
{
    returned.into_reply(M::info)
}
