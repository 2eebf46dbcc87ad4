//! `send`: from the caller to the handler and back.

mod error;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::time::Instant;

pub use error::{Failed, NoRoute, Panicked, Refused, SendError, Timeout, Undecodable};

use super::{Core, Options};
use crate::delivery::{Delivery, Queue};
use crate::handler::{Execution, Facts, Input, Key, Pick, Reply, execute};
use crate::message::{Headers, Message, MessageInfo};
use crate::wiring::Local;

pin_project! {
    /// The future of [`Node::send`](crate::Node::send).
    ///
    /// Bounded by `Message` alone: what may be sent is the bound of the verb, and said once.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct SendFuture<'a, M: Message> {
        core: &'a Arc<Core>,
        options: Option<Box<Options>>,
        // `None` once the call has started.
        message: Option<M>,
        #[pin]
        execution: Execution<M>,
    }
}

impl<'a, M: Message> SendFuture<'a, M> {
    #[inline]
    pub(super) fn new(core: &'a Arc<Core>, options: Option<Box<Options>>, message: M) -> Self {
        Self {
            core,
            options,
            message: Some(message),
            execution: Execution::new(),
        }
    }
}

impl<M: Message> Future for SendFuture<'_, M> {
    type Output = Reply<M>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply<M>> {
        let this = self.project();
        let core: &Arc<Core> = this.core;
        let Some(message) = this.message.take() else {
            return this.execution.resume(cx);
        };
        let info = M::info();
        let Some(local) = core.table.row(info).and_then(|row| row.handlers.first()) else {
            return Poll::Ready(Err(SendError::no_route(info).located(&core.id, None)));
        };
        // In place and passed by reference: moving it costs more than making it.
        let mut facts = Facts::new(info.timeout());
        match this.options.take() {
            None if core.lifecycle.refuses() => {
                return Poll::Ready(Err(SendError::refused(info).located(&core.id, None)));
            }
            None => {}
            Some(options) => match facts_of(core, info, *options) {
                Ok(given) => facts = given,
                Err(error) => return Poll::Ready(Err(error)),
            },
        }
        if local.direct {
            let input = Input::Typed(message);
            this.execution.start(cx, core, local, input, &mut facts)
        } else {
            indirect(this.execution, cx, core, local, message, facts)
        }
    }
}

/// What the options say of a call.
#[cold]
fn facts_of<E>(core: &Core, info: &MessageInfo, options: Options) -> Result<Facts, SendError<E>> {
    // A handler's own calls are part of what a draining node finishes.
    if core.lifecycle.refuses() && options.deadline.is_none() {
        return Err(SendError::refused(info).located(&core.id, options.id));
    }
    let timeout = options.timeout.unwrap_or(info.timeout());
    let facts = Facts::of(timeout, options.id, None, options.headers);
    Ok(match options.deadline {
        Some(deadline) => facts.with_deadline(deadline.min(Instant::now() + timeout)),
        None => facts,
    })
}

/// A call with something between it and its handler: turns, a limit or layers.
#[inline(never)]
fn indirect<M: Message>(
    execution: Pin<&mut Execution<M>>,
    cx: &mut Context<'_>,
    core: &Arc<Core>,
    local: &Local,
    message: M,
    facts: Facts,
) -> Poll<Reply<M>> {
    let mut whole = Facts::of(facts.timeout(), facts.known_id(), None, Headers::new())
        .with_deadline(facts.deadline());
    let key = facts.key_or(|| message.text()).cloned();
    let handler = local.info;
    let core_of_call = Arc::clone(core);
    let future = Box::pin(async move {
        let core = core_of_call;
        let _turn = match key.filter(|_| handler.is_serial()) {
            Some(key) => Queue::turn(&core, key).await,
            None => None,
        };
        let pick = Pick::Handler(0);
        let Some(layers) = &core.layers else {
            return execute(core, pick, Input::Typed(message), facts).await;
        };
        let delivery = Delivery::typed(Arc::clone(&core), pick, handler, &facts, message);
        match layers.call(delivery).await {
            Ok(outcome) => outcome.into_reply::<M>().unwrap_or_else(|| {
                Err(SendError::failed(
                    M::info(),
                    "a layer answered with the outcome of another message".into(),
                ))
            }),
            Err(error) => Err(SendError::failed(M::info(), error)),
        }
    });
    execution.start_boxed(cx, core, &mut whole, future)
}

impl<M: Message> fmt::Debug for SendFuture<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture")
            .field("message", &M::info().name())
            .field("node", &self.core.id)
            .field("started", &self.message.is_none())
            .finish_non_exhaustive()
    }
}
