use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tracing::Span;

use super::call::Facts;
use super::run::{Reply, Run, Start};
use super::{Call, Panic};
use crate::delivery::{BoxFuture, Outcome, Payload};
use crate::message::{ContentType, Message, MessageInfo};
use crate::node::{Answer, Core, SendError};
use crate::telemetry;
use crate::wiring::{Local, Row};

/// The message of an execution: as the caller gave it, or as it was stored.
pub(crate) enum Input<M> {
    Typed(M),
    Encoded(ContentType, Bytes),
}

/// What is executed, where it is not a call on its shortest way.
pub(crate) enum Other<'a, M: Message> {
    /// A handler, of this message.
    Given(&'a Local, Input<M>),
    /// A handler, of the stored message of the facts.
    Stored(&'a Local),
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
        #[pin]
        armed: Option<Armed>,
        // `None` where nobody listens.
        span: Option<Span>,
        // Whether it is a call of this node, and not a part of one or of a delivery.
        is_call: bool,
    }
}

pin_project! {
    struct Armed {
        #[pin]
        sleep: Sleep,
        facts: Facts,
        waiting: Waiting,
    }
}

/// Counts an execution that waits for something.
struct Waiting {
    core: Arc<Core>,
    is_call: bool,
    /// Whether a handler runs in it, and not a future that ends in one.
    is_handler: bool,
}

impl Waiting {
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

impl Drop for Waiting {
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
            armed: None,
            span: None,
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
        self.first(cx, core, Some(local), facts, |run, facts| {
            call(start, run, core, local, message, facts);
        })
    }

    /// Starts something else, with the same promises. One copy for all that is not the shortest way
    /// from a call to its handler.
    #[inline(never)]
    pub(crate) fn start_other(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        facts: &mut Facts,
        other: Other<'_, M>,
    ) -> Poll<Reply<M>> {
        let local = match other {
            Other::Given(local, _) | Other::Stored(local) => Some(local),
            Other::Future(_) => None,
        };
        let start = local.and_then(Local::start::<M>);
        self.first(cx, core, local, facts, |run, facts| {
            let message = match other {
                Other::Future(future) => return run.future(future, Answer::into_reply::<M>),
                Other::Given(_, Input::Typed(message)) => Ok(message),
                Other::Given(_, Input::Encoded(content_type, bytes)) => {
                    (M::CODEC.decode)(content_type, &bytes)
                }
                Other::Stored(_) => match facts.envelope() {
                    Some(stored) => (M::CODEC.decode)(stored.content_type, &stored.payload),
                    // Facts of an attempt are always those of a stored message.
                    None => return,
                },
            };
            match (message, local.zip(start)) {
                (Ok(message), Some((local, start))) => {
                    call(start, run, core, local, message, facts);
                }
                (Err(error), _) => run.reply(Err(SendError::undecodable(M::info(), error))),
                // A table has the handlers of a message in its own row.
                (Ok(_), None) => run.reply(Err(SendError::no_route(M::info()))),
            }
        })
    }

    /// Makes it as new after an end, so that it can start another handler.
    pub(crate) fn reset(self: Pin<&mut Self>) {
        let mut this = self.project();
        // Whose drop panics has ended all the same.
        let _ = this.run.cancel();
        this.armed.set(None);
        *this.span = None;
    }

    /// The span ends with its attempt, and not when the next one starts.
    #[inline]
    pub(crate) fn close(self: Pin<&mut Self>) {
        let this = self.project();
        if this.span.is_some() {
            *this.span = None;
        }
    }

    // Each caller has a copy anyway, and a call costs as much as the rest of a short handler.
    #[inline(always)]
    fn first(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        core: &Arc<Core>,
        local: Option<&Local>,
        facts: &mut Facts,
        start: impl FnOnce(Pin<&mut Run<Reply<M>>>, &Facts),
    ) -> Poll<Reply<M>> {
        let mut this = self.as_mut().project();
        if let Some(local) = local
            && telemetry::enabled()
        {
            *this.span = Some(telemetry::handling(core, local.info, facts));
        }
        let polled = {
            let _entered = this.span.as_ref().map(Span::enter);
            this.run.as_mut().poll_with(cx, |run| start(run, facts))
        };
        match polled {
            Ok(Poll::Ready(reply)) => Poll::Ready(finish(reply, core, facts, this.span.as_ref())),
            Ok(Poll::Pending) => {
                let waiting = Waiting::new(core, *this.is_call, local.is_some());
                arm(this.armed, waiting, facts);
                self.poll_deadline(cx)
            }
            Err(panic) => {
                // A second panic, in the drop of what panicked, has nothing to add.
                let _ = this.run.cancel();
                Poll::Ready(panicked(M::info(), panic, core, facts, this.span.as_ref()))
            }
        }
    }

    /// Polls a handler that was started.
    pub(crate) fn resume(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply<M>> {
        let mut this = self.as_mut().project();
        let polled = {
            let _entered = this.span.as_ref().map(Span::enter);
            this.run.as_mut().poll_with(cx, |_| {})
        };
        let Some(armed) = this.armed.as_mut().as_pin_mut() else {
            // Polled after its end: nothing will ever come.
            return Poll::Pending;
        };
        let armed = armed.project();
        let reply = match polled {
            Ok(Poll::Pending) => return self.poll_deadline(cx),
            Ok(Poll::Ready(reply)) => {
                finish(reply, &armed.waiting.core, armed.facts, this.span.as_ref())
            }
            Err(panic) => {
                let _ = this.run.cancel();
                panicked(
                    M::info(),
                    panic,
                    &armed.waiting.core,
                    armed.facts,
                    this.span.as_ref(),
                )
            }
        };
        this.armed.set(None);
        Poll::Ready(reply)
    }

    fn poll_deadline(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply<M>> {
        let mut this = self.project();
        if !has_passed(this.armed.as_mut(), cx) {
            return Poll::Pending;
        }
        let Some(armed) = this.armed.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let armed = armed.project();
        // The handler stops first; its tasks hear of it when the facts are dropped.
        let error = match this.run.cancel() {
            Ok(()) => SendError::timeout(M::info(), armed.facts.timeout()),
            Err(panic) => SendError::panicked(M::info(), panic.text),
        };
        let reply = located(error, &armed.waiting.core, armed.facts, this.span.as_ref());
        this.armed.set(None);
        Poll::Ready(reply)
    }
}

/// Arms the deadline of an execution that waits.
#[inline(never)]
fn arm(mut armed: Pin<&mut Option<Armed>>, waiting: Waiting, facts: &mut Facts) {
    armed.set(Some(Armed {
        sleep: waiting.core.sleep_until(facts.deadline()),
        facts: facts.take(),
        waiting,
    }));
}

/// Whether the deadline is there; wakes the task when it is.
#[inline(never)]
fn has_passed(armed: Pin<&mut Option<Armed>>, cx: &mut Context<'_>) -> bool {
    armed
        .as_pin_mut()
        .is_some_and(|armed| armed.project().sleep.poll(cx).is_ready())
}

/// Reads the handler's parameters and makes its future.
#[inline]
fn call<M: Message>(
    start: &Start<M>,
    mut run: Pin<&mut Run<Reply<M>>>,
    core: &Arc<Core>,
    local: &Local,
    message: M,
    facts: &Facts,
) {
    let call = Call::new(core, local.info, facts);
    if let Err(error) = (start.0)(run.as_mut(), message, &call) {
        run.reply(Err(SendError::failed(M::info(), error)));
    }
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
                        let given = Other::Given(local, input);
                        this.execution.start_other(cx, this.core, &mut facts, given)
                    }
                    None => Poll::Ready(Err(SendError::no_route(M::info()))),
                }
            }
        };
        reply.map(Outcome::new::<M>)
    }
}
