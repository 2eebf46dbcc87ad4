//! `send`: from the caller to the handler and back.

mod error;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pub use error::{
    Failed, NoRoute, Panicked, Refused, SendError, Timeout, Undecodable, Untransported,
};

use super::{Core, Options, remote};
use crate::delivery::{self, Claim, Claimed, Delivery, Fault, Held, LaneHeld};
use crate::handler::{Execution, Facts, HandlerInfo, Input, Key, Panic, Pick, Reply, execute};
use crate::message::{ContentType, Headers, Message, MessageInfo};
use crate::wiring::Place;

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
            execution: Execution::call(),
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
        // In place and passed by reference: moving it costs more than making it.
        let mut facts = Facts::new(info.timeout());
        match this.options.take() {
            None if core.lifecycle.refuses() => {
                return Poll::Ready(Err(SendError::refused(info).located(&core.id, None)));
            }
            None => {}
            Some(mut options) => {
                let to = options.to.take();
                match facts_of(core, info, *options) {
                    Ok(given) => facts = given,
                    Err(error) => return Poll::Ready(Err(error)),
                }
                if let (Some(node), Some(cluster)) = (to, &core.cluster)
                    && node != core.id
                {
                    let (core, cluster) = (Arc::clone(core), Arc::clone(cluster));
                    let call = remote::call_at(core, cluster, node, message, inner(&mut facts));
                    return this
                        .execution
                        .start_boxed(cx, this.core, &mut facts, Box::pin(call));
                }
            }
        }
        let local = core.table.row(info).and_then(|row| row.handlers.first());
        let here = match local.map(|local| local.place) {
            None => false,
            Some(Place::Here) => true,
            Some(place) => match place_of(place, core, &message) {
                Ok(here) => here,
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        match local {
            Some(local) if here => {
                if local.direct {
                    let input = Input::Typed(message);
                    return this.execution.start(cx, core, local, input, &mut facts);
                }
                let future = run_here(Arc::clone(core), Input::Typed(message), inner(&mut facts));
                this.execution
                    .start_boxed(cx, core, &mut facts, Box::pin(future))
            }
            _ => match &core.cluster {
                Some(cluster) => {
                    let (core, cluster) = (Arc::clone(core), Arc::clone(cluster));
                    let future = remote::call(core, cluster, message, inner(&mut facts));
                    this.execution
                        .start_boxed(cx, this.core, &mut facts, Box::pin(future))
                }
                None => Poll::Ready(Err(SendError::no_route(info).located(&core.id, None))),
            },
        }
    }
}

/// Whether a message is handled here. That asks the message for its key, which is the user's code.
fn place_of<M: Message>(
    place: Place,
    core: &Core,
    message: &M,
) -> Result<bool, SendError<M::Error>> {
    catch_unwind(AssertUnwindSafe(|| place.is_here(core, message))).map_err(|payload| {
        let panic = Panic::new(payload);
        SendError::panicked(M::info(), panic.text).located(&core.id, None)
    })
}

/// What the options say of a call.
#[cold]
fn facts_of<E>(core: &Core, info: &MessageInfo, options: Options) -> Result<Facts, SendError<E>> {
    if core.lifecycle.refuses_from(options.parent.is_some()) {
        return Err(SendError::refused(info).located(&core.id, options.id));
    }
    let (timeout, deadline) = options.limit(info.timeout());
    Ok(Facts::of(timeout, options.id, None, options.headers)
        .with_deadline(deadline)
        .with_held(options.held))
}

/// Facts for a future behind a box; the ones outside keep the deadline and the id.
#[inline(never)]
fn inner(facts: &mut Facts) -> Facts {
    let outer = Facts::of(facts.timeout(), facts.known_id(), None, Headers::new())
        .with_deadline(facts.deadline());
    std::mem::replace(facts, outer)
}

/// A call with something between it and its handler on this node: turns, a limit or layers.
pub(crate) async fn run_here<M: Message>(
    core: Arc<Core>,
    input: Input<M>,
    facts: Facts,
) -> Reply<M> {
    let pick = Pick::Handler(0);
    let Some(local) = core.table.row(M::info()).and_then(|row| pick.of(row)) else {
        return Err(SendError::no_route(M::info()));
    };
    let handler = local.info;
    let key = facts
        .key_or(|| match &input {
            Input::Typed(message) => message.text(),
            Input::Encoded(..) => None,
        })
        .cloned();
    let mut facts = facts;
    let _turn = match key.filter(|_| handler.is_serial()) {
        Some(key) => {
            let held = facts.held();
            if held.as_ref().is_some_and(|held| held.holds(&key)) {
                let error = LaneHeld::new(key).into();
                return Err(SendError::failed_as(
                    M::info(),
                    error,
                    Some(Fault::Permanent),
                ));
            }
            let Ok(turn) = delivery::turn(&core, Arc::clone(&key)).await else {
                return Err(SendError::refused(M::info()));
            };
            facts = facts.with_held(Some(Held::new(key, held)));
            Some(turn)
        }
        None => None,
    };
    let _permit = local.permit().await;
    let claimed = facts.known_id().filter(|_| M::info().is_idempotent());
    let (Some(id), Some(window)) = (claimed, handler.dedup()) else {
        return run_once(&core, pick, handler, input, facts).await;
    };
    let claim = match Claim::take(&core, handler, id, None, window).await {
        Ok(Claimed::Run(claim)) => claim,
        // What it answered then.
        Ok(Claimed::Done(answer)) => {
            return (M::CODEC.decode_response)(ContentType::default(), &answer)
                .map_err(|error| SendError::undecodable(M::info(), error));
        }
        Err(error) => return Err(SendError::failed(M::info(), error)),
    };
    let reply = run_once(&core, pick, handler, input, facts).await;
    let answer = reply
        .as_ref()
        .ok()
        .and_then(|reply| (M::CODEC.encode_response)(ContentType::default(), reply).ok());
    match answer {
        Some(answer) => claim.succeeded(&answer).await,
        None => claim.failed().await,
    }
    reply
}

/// One execution, through the layers if there are any.
async fn run_once<M: Message>(
    core: &Arc<Core>,
    pick: Pick,
    handler: &'static HandlerInfo,
    input: Input<M>,
    facts: Facts,
) -> Reply<M> {
    let Some(layers) = &core.layers else {
        return execute(Arc::clone(core), pick, input, facts).await;
    };
    let delivery = Delivery::of(Arc::clone(core), pick, handler, &facts, input);
    match layers.call(delivery).await {
        Ok(outcome) => outcome.into_reply::<M>().unwrap_or_else(|| {
            Err(SendError::failed(
                M::info(),
                "a layer answered with the outcome of another message".into(),
            ))
        }),
        Err(error) => Err(SendError::failed(M::info(), error)),
    }
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
