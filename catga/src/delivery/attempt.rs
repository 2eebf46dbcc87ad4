use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Failure;
use crate::handler::{Execution, Facts, Other, Panic};
use crate::message::{Message, MessageInfo};
use crate::node::Core;
use crate::wiring::Local;

/// One attempt of one handler of a stored message, whatever its type.
///
/// The same value serves one attempt after the other: see [`Attempts`].
pub(crate) trait Attempt: Send {
    /// Starts the attempt, or goes on with it.
    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        started: Option<Started<'_>>,
    ) -> Poll<Result<(), Failure>>;
}

/// What an attempt starts with.
pub(crate) struct Started<'a> {
    core: &'a Arc<Core>,
    local: &'a Local,
    facts: &'a mut Facts,
}

impl dyn Attempt {
    /// Decodes the message of the facts, starts the handler and polls it for the first time. Takes
    /// the facts if it waits.
    pub(crate) fn start(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: &Local,
        facts: &mut Facts,
    ) -> Poll<Result<(), Failure>> {
        self.poll(cx, Some(Started { core, local, facts }))
    }

    /// Polls a handler that waits.
    pub(crate) fn resume(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.poll(cx, None)
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
    /// A panic around the handler, in the text of an error or in the drop of a response, is a failed
    /// attempt, too.
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        started: Option<Started<'_>>,
    ) -> Poll<Result<(), Failure>> {
        caught(|| {
            let mut execution = self.as_mut().project().execution;
            let polled = match started {
                Some(Started { core, local, facts }) => {
                    let stored = Other::Stored(local);
                    execution.as_mut().start_other(cx, core, facts, stored)
                }
                None => execution.as_mut().resume(cx),
            };
            polled.map(|reply| reply.map(drop).map_err(Failure::of))
        })
        .unwrap_or_else(|failure| {
            // Whatever it came to, the next attempt begins with nothing.
            let _ = caught(|| self.project().execution.reset());
            Poll::Ready(Err(failure))
        })
    }
}

/// A panic outside of the handler as the failure of its attempt.
#[inline]
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|payload| Failure::panicked(&Panic::new(payload).text))
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
