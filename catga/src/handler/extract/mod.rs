//! The parameters of a handler beside its message.

mod cancellation;
mod children;
mod context;
mod deadline;
mod headers;
mod requirements;
mod state;
mod test_call;

pub use cancellation::Cancellation;
pub use context::Context;
pub use deadline::Deadline;
pub use requirements::Requirements;
pub use state::{MissingState, State};
pub use test_call::TestCall;

pub(crate) use cancellation::CancelSource;
pub(crate) use children::Parent;

use std::fmt;

use super::Call;
use crate::BoxError;

/// Something a handler can take as a parameter.
///
/// [`State<T>`], `Option<State<T>>`, [`Context`], [`Deadline`] and
/// [`Headers`](crate::Headers) implement it; your own types may.
///
/// An implementation should be quick, since it runs before each call. What it takes from the
/// node's state it should name in [`requires`](Self::requires): then a node without that state
/// does not start. An error ends the call before the handler runs; the caller sees
/// [`SendError::Failed`](crate::SendError::Failed) with its text, a durable delivery is retried.
/// A test reads it from a [`TestCall`].
///
/// # Examples
///
/// ```
/// use catga::{BoxError, Call, FromContext, Requirements, State};
///
/// #[derive(Clone)]
/// struct Limits { orders: usize }
///
/// struct Tenant { name: String, limit: usize }
///
/// impl FromContext for Tenant {
///     fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
///         let State(limits) = State::<Limits>::from_context(call)?;
///         let name = call.headers().get("tenant").ok_or("the header `tenant` is missing")?;
///         Ok(Self { name: name.to_owned(), limit: limits.orders })
///     }
///
///     fn requires(requirements: &mut Requirements) {
///         State::<Limits>::requires(requirements);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler parameter",
    label = "a call does not provide this",
    note = "the first parameter is the message; the others are `State<T>`, `Option<State<T>>`, `Context`, `Deadline`, `Headers`, or your own type that implements `catga::FromContext`"
)]
pub trait FromContext: Sized {
    /// Reads the value from the call.
    ///
    /// # Errors
    ///
    /// Any error; the handler does not run then.
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError>;

    /// Names the state that [`from_context`](Self::from_context) takes from the node.
    fn requires(requirements: &mut Requirements) {
        let _ = requirements;
    }
}

/// A parameter of type `T`, with its bound checked once, where the macro names the type.
#[doc(hidden)]
pub struct Parameter<T> {
    extract: fn(&Call<'_>) -> Result<T, BoxError>,
    requires: fn(&mut Requirements),
}

impl<T> Parameter<T> {
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::new_without_default, reason = "for the macros")]
    pub const fn new() -> Self
    where
        T: FromContext,
    {
        Self {
            extract: T::from_context,
            requires: T::requires,
        }
    }
}

impl<T> Parameter<T> {
    #[doc(hidden)]
    #[inline]
    #[allow(clippy::missing_errors_doc, reason = "for the macros")]
    pub fn extract(&self, call: &Call<'_>) -> Result<T, BoxError> {
        (self.extract)(call)
    }

    #[doc(hidden)]
    pub fn requires(&self, requirements: &mut Requirements) {
        (self.requires)(requirements);
    }
}

impl<T> fmt::Debug for Parameter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<Self>())
    }
}
