use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tracing::Span;

use super::call::Facts;
use super::run::{Reply, Run};
use super::start::StartFn;
use super::{Call, Panic};
use crate::delivery::{Outcome, Payload};
use crate::message::{ContentType, Message, MessageInfo};
use crate::node::{Answer, Core, SendError};
use crate::telemetry;
use crate::transport::BoxFuture;
use crate::wiring::{Local, Row};

/// The message of an execution: as the caller gave it, or as it was stored.
pub(crate) enum Input<M> {
    Typed(M),
    Encoded(ContentType, Bytes),
}

/// What is executed, where it is not a call on its shortest way.
pub(crate) enum Other<M: Message> {
    /// A handler, of this message.
    Given(Input<M>),
    /// A handler, of the stored message of the facts.
    Stored,
    /// Something that ends in a handler, here or elsewhere.
    Future(BoxFuture<'static, Answer>),
}

/// Which handler of a message type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pick {
    Handler(usize),
    Broadcast(usize),
}

impl Pick {
    pub(crate) fn of(self, row: &Row) -> Option<&Local> {
        match self {
            Self::Handler(index) => row.handlers.get(index),
            Self::Broadcast(index) => row.broadcast.get(index),
        }
    }
}

pin_project! {
    /// One execution of a handler, with its deadline, its span and its panics.
    ///
    /// The deadline is armed only when the handler does not finish at its first poll: most local
    /// calls do, and a timer costs more than all the rest.
    pub(crate) struct Execution<M: Message> {
        #[pin]
        run: Run<Reply<M>>,
        // Whether it is a call of this node, and not a part of one or of a delivery.
        is_call: bool,
    }
}

pin_project! {
    /// What is kept beside the future of a handler that waits.
    pub(super) struct Armed {
        #[pin]
        sleep: Sleep,
        // `None` while the handler is polled, and after its end.
        late: Option<Late>,
    }
}

/// What the end of a handler that waited is told with.
struct Late {
    facts: Facts,
    waiting: CountedWait,
    // `None` where nobody listens.
    span: Option<Span>,
}

/// Counts an execution that waits for something.
struct CountedWait {
    core: Arc<Core>,
    is_call: bool,
    /// Whether a handler runs in it, and not a future that ends in one.
    is_handler: bool,
}

impl CountedWait {
    fn new(core: &Arc<Core>, is_call: bool, is_handler: bool) -> Self {
        if is_call {
            core.sends.enter();
        }
        if is_handler {
            core.executing.enter();
        }
        Self {
            core: Arc::clone(core),
            is_call,
            is_handler,
        }
    }
}

impl Drop for CountedWait {
    fn drop(&mut self) {
        if self.is_call {
            self.core.sends.leave();
        }
        if self.is_handler {
            self.core.executing.leave();
        }
    }
}

impl<M: Message> Execution<M> {
    /// An execution that is a part of a call or of a delivery.
    #[inline]
    pub(crate) fn new() -> Self {
        Self::counted(false)
    }

    /// The execution of a call of this node: a node that shuts down waits for it.
    #[inline]
    pub(crate) fn call() -> Self {
        Self::counted(true)
    }

    #[inline]
    fn counted(is_call: bool) -> Self {
        Self {
            run: Run::new(),
            is_call,
        }
    }

    /// Starts the handler of a call and polls it for the first time. Takes the facts if it waits.
    #[inline]
    pub(crate) fn start(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: &Local,
        message: M,
        facts: &mut Facts,
    ) -> Poll<Reply<M>> {
        let Some(start) = local.start::<M>() else {
            return Poll::Ready(Err(SendError::no_route(M::info())));
        };
        self.first(cx, core, Some(local), facts, |run, cx, facts| {
            call(start, run, cx, core, local, message, facts)
        })
    }

    /// Starts something else, with the same promises. One copy for all that is not the shortest way
    /// from a call to its handler.
    #[inline(never)]
    pub(crate) fn start_other(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: Option<&Local>,
        facts: &mut Facts,
        mut other: Other<M>,
    ) -> Poll<Reply<M>> {
        // By reference: a stored message should not pay for the moves of the others.
        let other = &mut other;
        let start = local.and_then(Local::start::<M>);
        self.first(cx, core, local, facts, |run, cx, facts| {
            let message = match other {
                Other::Stored => match facts.envelope() {
                    Some(stored) => (M::CODEC.decode)(stored.content_type, &stored.payload),
                    // Facts of an attempt are always those of a stored message.
                    None => return Poll::Pending,
                },
                other => match std::mem::replace(other, Other::Stored) {
                    Other::Given(Input::Typed(message)) => Ok(message),
                    Other::Given(Input::Encoded(content_type, bytes)) => {
                        (M::CODEC.decode)(content_type, &bytes)
                    }
                    Other::Future(future) => {
                        return run.future(cx, future, Answer::into_reply::<M>);
                    }
                    Other::Stored => return Poll::Pending,
                },
            };
            match (message, local.zip(start)) {
                (Ok(message), Some((local, start))) => {
                    call(start, run, cx, core, local, message, facts)
                }
                (Err(error), _) => Poll::Ready(Err(SendError::undecodable(M::info(), error))),
                // A table has the handlers of a message in its own row.
                (Ok(_), None) => Poll::Ready(Err(SendError::no_route(M::info()))),
            }
        })
    }

    /// Makes it as new after an end, so that it can start another handler.
    pub(crate) fn reset(self: Pin<&mut Self>) {
        // Whose drop panics has ended all the same.
        let _ = self.project().run.cancel();
    }

    // Each caller has a copy anyway, and a call costs as much as the rest of a short handler.
    #[inline(always)]
    fn first(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: Option<&Local>,
        facts: &mut Facts,
        start: impl FnOnce(Pin<&mut Run<Reply<M>>>, &mut Context<'_>, &Facts) -> Poll<Reply<M>>,
    ) -> Poll<Reply<M>> {
        let span = local
            .filter(|_| telemetry::enabled())
            .map(|local| telemetry::handling(core, local.info, facts));
        let mut this = self.as_mut().project();
        let polled = {
            let _entered = span.as_ref().map(Span::enter);
            this.run.as_mut().start(|run| start(run, cx, facts))
        };
        match polled {
            Ok(Poll::Ready(reply)) => Poll::Ready(finish(reply, core, facts, span.as_ref())),
            Ok(Poll::Pending) => {
                let waiting = CountedWait::new(core, *this.is_call, local.is_some());
                this.run.arm(armed(waiting, facts, span));
                self.poll_deadline(cx)
            }
            Err(panic) => {
                // A second panic, in the drop of what panicked, has nothing to add.
                let _ = this.run.cancel();
                Poll::Ready(panicked(M::info(), panic, core, facts, span.as_ref()))
            }
        }
    }

    /// Polls a handler that was started.
    pub(crate) fn resume(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply<M>> {
        let mut run = self.as_mut().project().run;
        let Some(late) = taken(run.as_mut().armed()) else {
            // Polled after its end: nothing will ever come.
            return Poll::Pending;
        };
        let polled = {
            let _entered = late.span.as_ref().map(Span::enter);
            run.as_mut().poll(cx)
        };
        let (core, span) = (&late.waiting.core, late.span.as_ref());
        match polled {
            Ok(Poll::Pending) => {
                if let Some(armed) = run.armed() {
                    *armed.project().late = Some(late);
                }
                self.poll_deadline(cx)
            }
            Ok(Poll::Ready(reply)) => Poll::Ready(finish(reply, core, &late.facts, span)),
            Err(panic) => {
                let _ = run.cancel();
                Poll::Ready(panicked(M::info(), panic, core, &late.facts, span))
            }
        }
    }

    fn poll_deadline(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply<M>> {
        let mut run = self.project().run;
        let Some(late) = passed(run.as_mut().armed(), cx) else {
            return Poll::Pending;
        };
        // The handler stops first; its tasks hear of it when the facts are dropped.
        let error = match run.cancel() {
            Ok(()) => SendError::timeout(M::info(), late.facts.timeout()),
            Err(panic) => SendError::panicked(M::info(), panic.text),
        };
        let (core, span) = (&late.waiting.core, late.span.as_ref());
        Poll::Ready(located(error, core, &late.facts, span))
    }
}

/// The deadline of an execution that waits.
#[inline(never)]
fn armed(waiting: CountedWait, facts: &mut Facts, span: Option<Span>) -> Armed {
    Armed {
        sleep: waiting.core.sleep_until(facts.deadline()),
        late: Some(Late {
            facts: facts.take(),
            waiting,
            span,
        }),
    }
}

fn taken(armed: Option<Pin<&mut Armed>>) -> Option<Late> {
    armed?.project().late.take()
}

/// What is kept for the end, when the deadline is there; otherwise it will wake the task.
#[inline(never)]
fn passed(armed: Option<Pin<&mut Armed>>, cx: &mut Context<'_>) -> Option<Late> {
    let armed = armed?.project();
    match armed.sleep.poll(cx) {
        Poll::Ready(()) => armed.late.take(),
        Poll::Pending => None,
    }
}

/// Reads the handler's parameters and polls its future for the first time.
#[inline]
fn call<M: Message>(
    start: StartFn<M>,
    run: Pin<&mut Run<Reply<M>>>,
    cx: &mut Context<'_>,
    core: &Arc<Core>,
    local: &Local,
    message: M,
    facts: &Facts,
) -> Poll<Reply<M>> {
    let call = Call::new(core, local.info, facts);
    start(run, cx, message, &call)
        .unwrap_or_else(|error| Poll::Ready(Err(SendError::failed(M::info(), error))))
}

#[inline]
fn finish<R, E: std::error::Error + 'static>(
    reply: Result<R, SendError<E>>,
    core: &Core,
    facts: &Facts,
    span: Option<&Span>,
) -> Result<R, SendError<E>> {
    facts.finish();
    match reply {
        Ok(response) => Ok(response),
        Err(error) => located(error, core, facts, span),
    }
}

#[cold]
fn panicked<R, E: std::error::Error + 'static>(
    message: &'static MessageInfo,
    panic: Panic,
    core: &Core,
    facts: &Facts,
    span: Option<&Span>,
) -> Result<R, SendError<E>> {
    let error = SendError::panicked(message, panic.text);
    located(error, core, facts, span)
}

#[cold]
fn located<R, E: std::error::Error + 'static>(
    error: SendError<E>,
    core: &Core,
    facts: &Facts,
    span: Option<&Span>,
) -> Result<R, SendError<E>> {
    let error = error.located(&core.id, facts.known_id());
    if let Some(span) = span {
        telemetry::failed(span, &error);
    }
    Err(error)
}

pin_project! {
    /// Runs one handler to its end.
    struct Executing<M: Message> {
        #[pin]
        execution: Execution<M>,
        core: Arc<Core>,
        // `None` once it has started.
        given: Option<(Pick, Facts, Payload)>,
    }
}

/// Runs one handler to its end.
pub(crate) fn execute<M: Message>(
    core: Arc<Core>,
    pick: Pick,
    facts: Facts,
    payload: Payload,
) -> BoxFuture<'static, Outcome> {
    Box::pin(Executing::<M> {
        execution: Execution::new(),
        core,
        given: Some((pick, facts, payload)),
    })
}

impl<M: Message> Future for Executing<M> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = self.project();
        let reply = match this.given.take() {
            None => this.execution.resume(cx),
            Some((pick, mut facts, payload)) => {
                let row = this.core.table.row(M::info());
                let local = row.and_then(|row| pick.of(row));
                match local.zip(payload.into_input::<M>()) {
                    Some((local, input)) => {
                        let given = Other::Given(input);
                        this.execution
                            .start_other(cx, this.core, Some(local), &mut facts, given)
                    }
                    None => Poll::Ready(Err(SendError::no_route(M::info()))),
                }
            }
        };
        reply.map(Outcome::new::<M>)
    }
}
