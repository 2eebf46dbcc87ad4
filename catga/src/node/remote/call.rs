use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::answer::parse;
use super::refusal::Refusal;
use super::request::{self, Call};
use crate::cluster::Cluster;
use crate::delivery::{Fault, Payload};
use crate::handler::Facts;
use crate::message::{
    AnyMessage, ContentType, EncodeError, ErasedMessage, Headers, MessageId, MessageInfo,
};
use crate::node::{Answer, Core, NodeId, SendError, run_here, spawn};
use crate::routing::{Outstanding, Reason, Strategy, Target};
use crate::transport::{BoxFuture, Frame, RequestError};

/// How long a call is listened for after its caller has given up, to count late answers.
const LINGER: Duration = Duration::from_secs(30);

/// How long an answer may take: as long as the one before, within these.
const SOONEST: Duration = Duration::from_millis(2);
const LATEST: Duration = Duration::from_millis(100);

/// Sends a message to where routing says, and again elsewhere while answers prove that nothing
/// ran, until the deadline.
pub(crate) async fn call(
    core: Arc<Core>,
    cluster: Arc<Cluster>,
    message: AnyMessage,
    facts: Facts,
) -> Answer {
    match try_call(&core, &cluster, message, facts).await {
        Ok(Called::Answered(answer)) => answer,
        Ok(Called::Here(message, facts)) => {
            let info = message.info();
            run_here(core, info, Payload::Typed(message), facts).await
        }
        Err(error) => Answer::Error(error),
    }
}

enum Called {
    Answered(Answer),
    /// Routing says that it is for this node.
    Here(AnyMessage, Facts),
}

async fn try_call(
    core: &Arc<Core>,
    cluster: &Arc<Cluster>,
    message: AnyMessage,
    facts: Facts,
) -> Result<Called, SendError> {
    let info = message.info();
    let strategy = core.strategies.of(info);
    let mut outgoing: Option<Outgoing> = None;
    let mut attempts: u32 = 0;
    loop {
        let mut changed = cluster.watch_members();
        changed.mark_unchanged();
        let asked = Instant::now();
        let refusal = match pick(cluster, &*strategy, &*message)? {
            Picked::Here => return Ok(Called::Here(message, facts)),
            Picked::Node(node, _outstanding) => {
                let outgoing = match &outgoing {
                    Some(outgoing) => outgoing,
                    None => outgoing.insert(Outgoing::new(core, &*message, &facts)?),
                };
                match outgoing.attempt(core, cluster, &node).await? {
                    Ok(answer) => return Ok(Called::Answered(answer)),
                    Err(refusal) => refusal,
                }
            }
            Picked::Nobody => Refusal::NoOwner,
        };
        attempts = attempts.saturating_add(1);
        let backoff = Duration::from_millis(1) * 2_u32.pow(attempts.min(6));
        let again = Instant::now() + backoff.mul_f64(0.5 + fastrand::f64() / 2.0);
        // Not when the answer would come after the deadline: that alone would say that the handler may
        // have run.
        let answer = (2 * asked.elapsed()).clamp(SOONEST, LATEST);
        if again + answer >= facts.deadline() {
            return Err(SendError::refused_with(info, refusal));
        }
        // A change of the cluster is worth another look at once, a few times.
        if attempts > 3 {
            sleep_until(again).await;
        } else {
            // Cannot fail: the sender lives with the cluster.
            let _ = timeout_at(again, changed.changed()).await;
        }
    }
}

enum Picked {
    Here,
    Node(NodeId, Outstanding),
    /// Nobody now, but soon.
    Nobody,
}

/// Asks the strategy, over the view as it is now.
fn pick(
    cluster: &Cluster,
    strategy: &dyn Strategy,
    message: &dyn ErasedMessage,
) -> Result<Picked, SendError> {
    let info = message.info();
    let view = cluster.view();
    let nodes = view.nodes(info.name());
    match strategy.pick(&message.key(), nodes) {
        Target::Local => Ok(Picked::Here),
        // The same, said by the place.
        Target::Node(place) if nodes.local() == Some(place) => Ok(Picked::Here),
        Target::Node(place) => nodes
            .candidates()
            .get(place)
            .map(|node| Picked::Node(node.id().clone(), node.shared_load().sent()))
            .ok_or_else(|| SendError::no_route(info)),
        Target::Nobody(Reason::NoOwner { .. }) => Ok(Picked::Nobody),
        Target::Everyone | Target::Nobody(_) => Err(SendError::no_route(info)),
    }
}

/// Sends a message to one node, once.
pub(crate) async fn call_at(
    core: Arc<Core>,
    cluster: Arc<Cluster>,
    node: NodeId,
    message: AnyMessage,
    facts: Facts,
) -> Answer {
    let outgoing = match Outgoing::new(&core, &*message, &facts) {
        Ok(outgoing) => outgoing,
        Err(error) => return Answer::Error(error),
    };
    drop((message, facts));
    let _outstanding = cluster.view().outstanding(&node);
    match outgoing.attempt(&core, &cluster, &node).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(refusal)) => {
            let error = SendError::refused_with(outgoing.info, refusal);
            Answer::Error(error.located(&node, Some(outgoing.id)))
        }
        Err(error) => Answer::Error(error),
    }
}

/// A message on its way: encoded once, whatever number of nodes is asked.
struct Outgoing {
    info: &'static MessageInfo,
    id: MessageId,
    content_type: ContentType,
    payload: Bytes,
    key: Option<Arc<str>>,
    headers: Headers,
    timeout: Duration,
    deadline: Instant,
}

impl Outgoing {
    fn new(core: &Core, message: &dyn ErasedMessage, facts: &Facts) -> Result<Self, SendError> {
        let content_type = core.content_type;
        let info = message.info();
        // Encoding it again would fail again.
        let refused =
            |error: EncodeError| SendError::failed_as(info, error.into(), Some(Fault::Permanent));
        Ok(Self {
            info,
            id: facts.id(),
            content_type,
            payload: message.encode(content_type).map_err(refused)?,
            key: message.key_text(),
            headers: facts.headers().clone(),
            timeout: facts.timeout(),
            deadline: facts.deadline(),
        })
    }

    /// Asks one node. `Err` ends the call; a refusal does not.
    async fn attempt(
        &self,
        core: &Arc<Core>,
        cluster: &Arc<Cluster>,
        node: &NodeId,
    ) -> Result<Result<Answer, Refusal>, SendError> {
        let info = self.info;
        let turn = cluster.turn(node);
        let Ok(Ok(_turn)) = timeout_at(self.deadline, turn.acquire()).await else {
            // It never left: the node has as many calls outstanding as it may.
            return Ok(Err(Refusal::Overloaded));
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // Its turn came when the others gave up: too late to leave.
            return Ok(Err(Refusal::Overloaded));
        }
        let number = request::next_number();
        let frame = Call {
            from: &core.id,
            number,
            info,
            id: self.id,
            key: self.key.as_deref(),
            timeout: left,
            headers: &self.headers,
            content_type: self.content_type,
            payload: self.payload.clone(),
        }
        .into_frame();
        let asked = Asked::new(core, cluster, node, number, frame, self.deadline);
        match timeout_at(self.deadline, asked).await {
            Ok(Ok(frame)) => Ok(parse(frame, info, node, self.id)),
            Ok(Err(RequestError::NoResponder)) => Ok(Err(Refusal::Absent)),
            Ok(Err(RequestError::Transport(error))) => Err(SendError::transport(info, error)),
            Ok(Err(
                error @ (RequestError::TooLarge { .. } | RequestError::AnswerTooLarge { .. }),
            )) => {
                let fault = Some(Fault::Permanent);
                Err(SendError::failed_as(info, error.into(), fault))
            }
            Ok(Err(RequestError::Timeout)) | Err(_) => Err(SendError::timeout(info, self.timeout)),
        }
    }
}

/// A request and its answer. Its caller may give up: then the node is told, and the answer that
/// comes late is counted.
struct Asked {
    /// `None` once it is answered.
    request: Option<BoxFuture<'static, Result<Frame, RequestError>>>,
    core: Arc<Core>,
    cluster: Arc<Cluster>,
    node: NodeId,
    number: u64,
}

impl Asked {
    fn new(
        core: &Arc<Core>,
        cluster: &Arc<Cluster>,
        node: &NodeId,
        number: u64,
        frame: Frame,
        deadline: Instant,
    ) -> Self {
        let within = deadline.saturating_duration_since(Instant::now()) + LINGER;
        let (at, to) = (Arc::clone(cluster), node.clone());
        let request = async move { at.transport.messenger().request(&to, frame, within).await };
        Self {
            request: Some(of_runtime(&core.runtime, request)),
            core: Arc::clone(core),
            cluster: Arc::clone(cluster),
            node: node.clone(),
            number,
        }
    }
}

/// A request as a part of its caller. Elsewhere than in the node's own runtime it is a task of
/// that one: what it connects must not end with another.
fn of_runtime(
    runtime: &Handle,
    request: impl Future<Output = Result<Frame, RequestError>> + Send + 'static,
) -> BoxFuture<'static, Result<Frame, RequestError>> {
    if Handle::try_current().is_ok_and(|current| current.id() == runtime.id()) {
        return Box::pin(request);
    }
    let (done, answer) = oneshot::channel();
    spawn(runtime, async move {
        // Whoever has gone does not hear it.
        let _ = done.send(request.await);
    });
    // The task may go with its runtime; nobody knows how far the request came.
    Box::pin(async { answer.await.unwrap_or(Err(RequestError::Timeout)) })
}

impl Future for Asked {
    type Output = Result<Frame, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(request) = &mut self.request else {
            return Poll::Pending;
        };
        // A transport that panics leaves nobody to know how far the request came.
        let polled = catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(cx)));
        let answer = ready!(polled.unwrap_or(Poll::Ready(Err(RequestError::Timeout))));
        self.request = None;
        Poll::Ready(answer)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let Some(request) = self.request.take() else {
            return;
        };
        let frame = request::cancel(&self.core.id, self.number);
        let (core, node) = (Arc::clone(&self.core), self.node.clone());
        let cluster = Arc::clone(&self.cluster);
        spawn(&self.core.runtime, async move {
            let late = async {
                if request.await.is_ok() {
                    core.late_answers.fetch_add(1, Ordering::Relaxed);
                }
            };
            let told = async {
                let told = cluster.transport.messenger().tell(&node, frame);
                // If it is lost, the handler ends at its deadline.
                let _ = cluster.limited("cancel a call", told).await;
            };
            // In this order: what has not left yet leaves before it is called off.
            join(late, told).await;
        });
    }
}
