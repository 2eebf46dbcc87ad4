use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Failure;
use crate::handler::{Execution, Facts, Other, Panic};
use crate::message::{Message, MessageInfo};
use crate::node::{Core, SendError};
use crate::wiring::Local;

/// One attempt of one handler of a stored message, whatever its type.
///
/// The same value serves one attempt after the other: see [`Attempts`].
pub(crate) trait Attempt: Send {
    fn start_boxed(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: &Local,
        facts: &mut Facts,
    ) -> Polled;

    fn resume_boxed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled;
}

/// A failure is large, and most attempts have none: in a box, the others do not pay for its place.
type Polled = Poll<Result<(), Box<Failure>>>;

impl dyn Attempt {
    /// Decodes the message of the facts, starts the handler and polls it for the first time. Takes
    /// the facts if it waits.
    #[inline]
    pub(crate) fn start(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: &Local,
        facts: &mut Facts,
    ) -> Poll<Result<(), Failure>> {
        self.start_boxed(cx, core, local, facts)
            .map_err(|failure| *failure)
    }

    /// Polls a handler that waits.
    #[inline]
    pub(crate) fn resume(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.resume_boxed(cx).map_err(|failure| *failure)
    }
}

/// An attempt at a message of a type that only its maker knows.
pub(crate) type AnyAttempt = Pin<Box<dyn Attempt>>;

pin_project! {
    struct Typed<M: Message> {
        #[pin]
        execution: Execution<M>,
    }
}

pub(super) fn typed<M: Message>() -> AnyAttempt {
    Box::pin(Typed::<M> {
        execution: Execution::new(),
    })
}

impl<M: Message> Attempt for Typed<M> {
    fn start_boxed(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: &Local,
        facts: &mut Facts,
    ) -> Polled {
        let polled = caught_boxed(|| {
            let execution = self.as_mut().project().execution;
            ended(execution.start_other(cx, core, Some(local), facts, Other::Stored))
        });
        polled.unwrap_or_else(|failure| self.give_up(failure))
    }

    fn resume_boxed(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = caught_boxed(|| ended(self.as_mut().project().execution.resume(cx)));
        polled.unwrap_or_else(|failure| self.give_up(failure))
    }
}

impl<M: Message> Typed<M> {
    /// A panic around the handler, in the text of an error or in the drop of a response, is a failed
    /// attempt, too.
    #[cold]
    fn give_up(self: Pin<&mut Self>, failure: Box<Failure>) -> Polled {
        // Whatever it came to, the next attempt begins with nothing.
        let _ = caught(|| self.project().execution.reset());
        Poll::Ready(Err(failure))
    }
}

#[inline]
fn ended<R, E: Error + 'static>(polled: Poll<Result<R, SendError<E>>>) -> Polled {
    polled.map(|reply| match reply {
        Ok(_) => Ok(()),
        Err(error) => Err(Box::new(Failure::of(error))),
    })
}

#[inline]
fn caught_boxed<T>(run: impl FnOnce() -> T) -> Result<T, Box<Failure>> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|payload| Box::new(Failure::panicked(&Panic::new(payload).text)))
}

/// A panic outside of the handler as the failure of its attempt.
#[inline]
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Failure> {
    caught_boxed(run).map_err(|failure| *failure)
}

/// Attempts at hand, one for each type of message: a handler that does not wait costs no
/// allocation, since its attempt serves the next one.
#[derive(Default)]
pub(crate) struct Attempts {
    /// By the slots of the types.
    idle: Vec<Option<AnyAttempt>>,
}

impl Attempts {
    #[inline]
    pub(super) fn take(&mut self, info: &'static MessageInfo) -> AnyAttempt {
        self.idle
            .get_mut(info.slot().get())
            .and_then(Option::take)
            .unwrap_or_else(|| (info.operations.attempt)())
    }

    /// Keeps an attempt that came to its end.
    #[inline]
    pub(super) fn put(&mut self, info: &'static MessageInfo, ended: AnyAttempt) {
        let slot = info.slot().get();
        if self.idle.len() <= slot {
            self.idle.resize_with(slot + 1, || None);
        }
        self.idle[slot] = Some(ended);
    }
}
