//! Where a handler starts, whatever its message: the one place besides `inline` with `unsafe` code.
//!
//! A table holds the handlers of all messages. What `Any` offers for that asks a virtual function
//! for the type at every call, and waits for its answer to come back through memory: as long as
//! a third of a local `send`.

#![allow(unsafe_code)]

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::mem::transmute;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Call;
use super::run::{Reply, Run};
use crate::BoxError;
use crate::message::Message;

/// Starts a handler: reads its parameters from the call and polls its future, which stays in the
/// [`Run`] if it waits.
///
/// Fails, before anything of the handler ran, where a parameter cannot be had.
#[doc(hidden)]
pub type StartFn<M> =
    fn(Pin<&mut Run<Reply<M>>>, &mut Context<'_>, M, &Call<'_>) -> Result<Poll<Reply<M>>, BoxError>;

/// The [`StartFn`] of a handler of `M`, for a table.
#[doc(hidden)]
pub struct Start<M> {
    any: AnyStart,
    message: PhantomData<fn(M)>,
}

/// Wraps what the macro wrote for a handler of `M`.
///
/// Not a method: the bound of an `impl` block is reported in addition to that of the type.
#[doc(hidden)]
#[must_use]
pub const fn start<M: Message>(start: StartFn<M>) -> Start<M> {
    Start {
        any: AnyStart {
            message: TypeId::of::<M>(),
            // SAFETY: a function pointer is kept as one of another type, and not called as that.
            function: unsafe { transmute::<StartFn<M>, fn()>(start) },
        },
        message: PhantomData,
    }
}

impl<M> Start<M> {
    pub(super) const fn any(&self) -> AnyStart {
        self.any
    }
}

impl<M> fmt::Debug for Start<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Start")
    }
}

/// A [`StartFn`] of a message that only its maker knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyStart {
    message: TypeId,
    /// A `StartFn` of the type with that id.
    function: fn(),
}

impl AnyStart {
    /// The function; `None` where `M` is not the handler's message.
    #[inline]
    pub(crate) fn of<M: Message>(&self) -> Option<StartFn<M>> {
        if self.message != TypeId::of::<M>() {
            return None;
        }
        // SAFETY: made in `start` from a `StartFn` of the type with this id, and that is `M`.
        Some(unsafe { transmute::<fn(), StartFn<M>>(self.function) })
    }
}

#[cfg(test)]
mod tests {
    use std::ptr::fn_addr_eq;

    use super::*;

    #[crate::event(name = "start.first")]
    #[derive(serde::Serialize, serde::Deserialize)]
    struct First(u32);

    #[crate::event(name = "start.second")]
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Second(u32);

    #[test]
    fn a_start_is_that_of_its_message_alone() {
        let given: StartFn<First> = |_, _, First(_), _| Ok(Poll::Ready(Ok(())));
        let any = start(given).any();
        assert!(
            any.of::<First>()
                .is_some_and(|start| fn_addr_eq(start, given))
        );
        assert!(any.of::<Second>().is_none());
    }
}
