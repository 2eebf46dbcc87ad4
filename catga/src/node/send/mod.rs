//! `send`: from the caller to the handler and back.

mod answer;
mod error;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pub(crate) use answer::Answer;
pub use error::{
    Failed, NoRoute, Panicked, Refused, SendError, Timeout, Undecodable, Untransported,
};

use super::remote::{self, Refusal};
use super::{Core, Options};
use crate::cluster::Cluster;
use crate::delivery::{
    self, Claim, Claimant, Claimed, Delivery, Encoded, Fault, HeldKeys, LaneHeld, Payload,
};
use crate::handler::{Execution, Facts, HandlerInfo, Other, Panic, Pick, Reply};
use crate::message::{AnyMessage, ContentType, Headers, Message, MessageInfo};
use crate::node::NodeId;
use crate::routing::Key;
use crate::transport::BoxFuture;
use crate::wiring::HandledHere;

pin_project! {
    /// The future of [`Node::send`](crate::Node::send).
    ///
    /// Bounded by `Message` alone: what may be sent is the bound of the verb, and said once.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct SendFuture<'a, M: Message> {
        core: &'a Arc<Core>,
        // `None` once the call has started.
        given: Option<Given<M>>,
        #[pin]
        execution: Execution<M>,
    }
}

/// What a call was given. In one, so that a call that has started has one thing to drop.
struct Given<M> {
    message: M,
    options: Option<Box<Options>>,
}

impl<'a, M: Message> SendFuture<'a, M> {
    #[inline]
    pub(super) fn new(core: &'a Arc<Core>, options: Option<Box<Options>>, message: M) -> Self {
        Self {
            core,
            given: Some(Given { message, options }),
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
        let Some(Given { message, options }) = this.given.take() else {
            return this.execution.resume(cx);
        };
        let info = M::info();
        // In place and passed by reference: moving it costs more than making it.
        let mut facts = Facts::new(info.timeout());
        match options {
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
                    let call = at(core, cluster, node, Box::new(message), &mut facts);
                    return this.execution.start_other(
                        cx,
                        core,
                        None,
                        &mut facts,
                        Other::Future(call),
                    );
                }
            }
        }
        let local = core.table.row(info).and_then(|row| row.handlers.first());
        let here = match local.map(|local| local.here) {
            None => false,
            Some(HandledHere::Always) => true,
            Some(here) => match is_here(here, core, &message) {
                Ok(here) => here,
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        match local {
            Some(local) if here && local.direct => {
                return this.execution.start(cx, core, local, message, &mut facts);
            }
            None if core.cluster.is_none() => {
                return Poll::Ready(Err(SendError::no_route(info).located(&core.id, None)));
            }
            _ => {}
        }
        let call = begin(core, here, Box::new(message), &mut facts);
        this.execution
            .start_other(cx, core, None, &mut facts, Other::Future(call))
    }
}

/// A call with something between it and its handler, on this node or another.
#[inline(never)]
fn begin(
    core: &Arc<Core>,
    here: bool,
    message: AnyMessage,
    facts: &mut Facts,
) -> BoxFuture<'static, Answer> {
    let (core, facts) = (Arc::clone(core), inner(facts));
    match core.cluster.clone().filter(|_| !here) {
        Some(cluster) => Box::pin(remote::call(core, cluster, message, facts)),
        None => {
            let info = message.info();
            Box::pin(run_here(core, info, Payload::Typed(message), facts))
        }
    }
}

/// A call of one node.
#[cold]
fn at(
    core: &Arc<Core>,
    cluster: &Arc<Cluster>,
    node: NodeId,
    message: AnyMessage,
    facts: &mut Facts,
) -> BoxFuture<'static, Answer> {
    let (core, cluster) = (Arc::clone(core), Arc::clone(cluster));
    Box::pin(remote::call_at(core, cluster, node, message, inner(facts)))
}

/// Whether a message is handled here. That asks the message for its key, which is the user's code.
fn is_here<M: Message>(
    here: HandledHere,
    core: &Core,
    message: &M,
) -> Result<bool, SendError<M::Error>> {
    catch_unwind(AssertUnwindSafe(|| here.is_here(core, message))).map_err(|payload| {
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
pub(crate) async fn run_here(
    core: Arc<Core>,
    info: &'static MessageInfo,
    payload: Payload,
    mut facts: Facts,
) -> Answer {
    let pick = Pick::Handler(0);
    let Some(local) = core.table.row(info).and_then(|row| pick.of(row)) else {
        return Answer::Error(SendError::no_route(info));
    };
    let handler = local.info;
    let key = facts.key_or(|| payload.key_text()).cloned();
    let _turn = match key.filter(|_| handler.is_serial()) {
        Some(key) => {
            let held = facts.held();
            if held.as_ref().is_some_and(|held| held.holds(&key)) {
                let error = LaneHeld::new(key).into();
                let fault = Some(Fault::Permanent);
                return Answer::Error(SendError::failed_as(info, error, fault));
            }
            let Ok(turn) = delivery::turn(&core, Arc::clone(&key)).await else {
                return Answer::Error(SendError::refused(info));
            };
            if !may_take_turn(&core, info, &key) {
                return Answer::Error(SendError::refused_with(info, Refusal::NotOwner));
            }
            facts = facts.with_held(Some(HeldKeys::new(key, held)));
            Some(turn)
        }
        None => None,
    };
    let _permit = local.permit().await;
    let claimed = facts.known_id().filter(|_| info.is_idempotent());
    let (Some(id), Some(window)) = (claimed, handler.dedup()) else {
        return run_once(&core, pick, handler, payload, facts).await;
    };
    let (mut claimant, deadline) = (Claimant::default(), facts.deadline());
    let claim = Claim::take(&core, &mut claimant, handler, id, None, window, deadline);
    let claim = match claim.await {
        Ok(Claimed::Run(claim)) => claim,
        Ok(Claimed::Done(answer)) => {
            let encoded = Encoded::Response(ContentType::Json, answer);
            return Answer::Encoded(encoded, None);
        }
        Err(error) => return Answer::Error(SendError::failed(info, error)),
    };
    let answer = run_once(&core, pick, handler, payload, facts).await;
    let response = match &answer {
        Answer::Outcome(outcome) => outcome.encode_response(ContentType::Json),
        Answer::Encoded(..) | Answer::Error(_) => None,
    };
    match response {
        Some(response) => claim.succeeded(&response).await,
        None => claim.failed().await,
    }
    answer
}

/// Whether a call still belongs here when it has the turn of its key: it may have waited for long,
/// or have been on its way while the process stood still.
fn may_take_turn(core: &Core, info: &MessageInfo, key: &str) -> bool {
    match &core.cluster {
        // With a strategy of the user's own a key has no owner.
        Some(cluster) if !core.strategies.has_own(info) => {
            cluster.may_take_turn(info.name(), Key::from_text(key).fnv1a32())
        }
        _ => true,
    }
}

/// One execution, through the layers if there are any.
async fn run_once(
    core: &Arc<Core>,
    pick: Pick,
    handler: &'static HandlerInfo,
    payload: Payload,
    facts: Facts,
) -> Answer {
    let info = handler.message();
    let Some(layers) = &core.layers else {
        let execute = info.operations.execute;
        return Answer::Outcome(execute(Arc::clone(core), pick, facts, payload).await);
    };
    let delivery = Delivery::new(Arc::clone(core), pick, handler, &facts, payload);
    match layers.call(delivery).await {
        Ok(outcome) => Answer::Outcome(outcome),
        Err(error) => Answer::Error(SendError::failed(info, error)),
    }
}

impl<M: Message> fmt::Debug for SendFuture<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture")
            .field("message", &M::info().name())
            .field("node", &self.core.id)
            .field("started", &self.given.is_none())
            .finish_non_exhaustive()
    }
}
