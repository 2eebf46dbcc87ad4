use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::run::Reply;
use crate::BoxError;
use crate::delivery::Fault;
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
    label = "the message's response is `{R}`, its error `{E}`",
    note = "return `{R}`, or a `Result` of it: with the error that the message declares as `error = ..`, or, where it declares none and that is `Infallible`, with any error that converts into `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoReply<R, E, Declares, Via> {
    /// The reply to the caller. `fault` looks at an error before it is converted.
    #[allow(clippy::missing_errors_doc, reason = "for the macros")]
    fn into_reply(
        self,
        message: fn() -> &'static MessageInfo,
        fault: FaultOf<Self>,
    ) -> Result<R, SendError<E>>;
}

/// What is declared of the error in what a handler returned, if that can be told before it is
/// converted.
#[doc(hidden)]
pub type FaultOf<T> = fn(&T) -> Option<Fault>;

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
    fn into_reply(
        self,
        _: fn() -> &'static MessageInfo,
        _: FaultOf<Self>,
    ) -> Result<R, SendError<E>> {
        Ok(self)
    }
}

impl<R, E> IntoReply<R, E, Declared, Fallible> for Result<R, E> {
    #[inline]
    fn into_reply(
        self,
        _: fn() -> &'static MessageInfo,
        _: FaultOf<Self>,
    ) -> Result<R, SendError<E>> {
        self.map_err(SendError::Rejected)
    }
}

#[diagnostic::do_not_recommend]
impl<R, E, X: Into<BoxError>> IntoReply<R, E, Undeclared, Fallible> for Result<R, X> {
    #[inline]
    fn into_reply(
        self,
        message: fn() -> &'static MessageInfo,
        fault: FaultOf<Self>,
    ) -> Result<R, SendError<E>> {
        match self {
            Ok(response) => Ok(response),
            failed => fail(failed, message, fault),
        }
    }
}

#[cold]
fn fail<R, E, X: Into<BoxError>>(
    returned: Result<R, X>,
    message: fn() -> &'static MessageInfo,
    fault: FaultOf<Result<R, X>>,
) -> Result<R, SendError<E>> {
    let fault = fault(&returned);
    returned.map_err(|error| SendError::failed_as(message(), error.into(), fault))
}

/// Makes a reply of what a handler of `M` returned.
#[doc(hidden)]
#[inline]
#[allow(clippy::missing_errors_doc, reason = "for the macros")]
pub fn reply<M, T, Via>(returned: T, fault: FaultOf<T>) -> Reply<M>
where
    M: Message,
    T: IntoReply<M::Response, M::Error, M::Declares, Via>,
{
    returned.into_reply(M::info, fault)
}

/// Finds the [`FaultOf`] a type that a handler returns.
///
/// An error such as `anyhow::Error` is a pointer to the real one, and its conversion into a
/// [`BoxError`] hides the real one's type. `fault` is a method of this type where there is such a
/// pointer; for all other types it is that of [`NoPointer`], which this type dereferences to.
#[doc(hidden)]
pub struct Returned<T>(PhantomData<fn(&T)>);

impl<T> Returned<T> {
    #[doc(hidden)]
    #[inline]
    pub const fn of(_: &T) -> Self {
        Self(PhantomData)
    }
}

impl<R, X: Deref<Target = dyn Error + Send + Sync>> Returned<Result<R, X>> {
    #[doc(hidden)]
    #[inline]
    pub fn fault(&self) -> FaultOf<Result<R, X>> {
        |returned| {
            let error = returned.as_ref().err()?;
            Some(Fault::of(&**error))
        }
    }
}

impl<T> Deref for Returned<T> {
    type Target = NoPointer;

    #[inline]
    fn deref(&self) -> &NoPointer {
        &NoPointer
    }
}

impl<T> fmt::Debug for Returned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned")
    }
}

/// See [`Returned`].
#[doc(hidden)]
#[derive(Debug)]
pub struct NoPointer;

impl NoPointer {
    #[doc(hidden)]
    #[inline]
    #[allow(clippy::unused_self, reason = "called as that of `Returned` is")]
    pub fn fault<T>(&self) -> FaultOf<T> {
        |_| None
    }
}
