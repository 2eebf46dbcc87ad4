use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::{frame_of, refused, unreadable};
use super::refusal::Refusal;
use super::repeats::Repeats;
use super::request::{CallId, Received, Request};
use crate::cluster::{Cluster, Reopened, keep_open};
use crate::delivery::Payload;
use crate::handler::Facts;
use crate::message::MessageInfo;
use crate::node::{Core, run_here, spawn};
use crate::routing::{Key, StrategyKind};
use crate::transport::{Frame, Inbox, Incoming, TransportError};

/// Calls that run here for other nodes, and how each is cancelled.
type Running = Arc<Mutex<HashMap<CallId, oneshot::Sender<()>>>>;

/// Answers the calls of other nodes until this node has stopped.
pub(super) async fn serve(core: Arc<Core>, cluster: Arc<Cluster>, first: Box<dyn Inbox>) {
    let server = Server {
        core: &core,
        cluster: &cluster,
        running: Running::default(),
        repeats: Repeats::default(),
    };
    keep_open(&cluster, server, Some(first)).await;
}

struct Server<'a> {
    core: &'a Arc<Core>,
    cluster: &'a Cluster,
    running: Running,
    repeats: Repeats,
}

impl Reopened for Server<'_> {
    const WHAT: &'static str = "open the inbox";

    type Open = Box<dyn Inbox>;

    async fn open(&mut self) -> Result<Self::Open, TransportError> {
        self.cluster.open_inbox().await
    }

    async fn follow(&mut self, mut inbox: Self::Open) {
        while let Some(incoming) = inbox.next().await {
            self.receive(incoming);
        }
    }
}

impl Server<'_> {
    fn receive(&mut self, mut incoming: Incoming) {
        let frame = std::mem::take(&mut incoming.frame);
        match Received::parse(frame) {
            Ok(Received::Cancel(call)) => {
                // Dropping the sender would do, too; a call that is not here has ended.
                if let Some(cancel) = lock(&self.running).remove(&call) {
                    let _ = cancel.send(());
                }
            }
            // Came twice: whoever asked waits for one answer, that to the first.
            Ok(Received::Call(request)) if self.repeats.has(&request.call) => {}
            Ok(Received::Call(mut request)) => {
                request.timeout = request.timeout.saturating_sub(incoming.age());
                match admit(self.core, self.cluster, &request) {
                    Ok(info) => run(self.core, &self.running, info, request, incoming),
                    Err(refusal) => self.reply(incoming, refused(refusal)),
                }
            }
            Err(text) => self.reply(incoming, unreadable(text)),
        }
    }

    fn reply(&self, incoming: Incoming, answer: Frame) {
        spawn(&self.core.runtime, incoming.reply(answer));
    }
}

/// The message of a call that this node runs, or why it does not: decided before anything runs.
fn admit(
    core: &Core,
    cluster: &Cluster,
    request: &Request,
) -> Result<&'static MessageInfo, Refusal> {
    if core.lifecycle.refuses() {
        return Err(Refusal::Draining);
    }
    let message = core.wiring.message(&request.name);
    let info = message.ok_or(Refusal::NoHandler)?.info();
    if request.timeout.is_zero() {
        return Err(Refusal::Expired);
    }
    // With a strategy of the user's own a key has no owner.
    if info.route().strategy() == StrategyKind::ConsistentHash
        && !core.strategies.has_own(info)
        && let Some(key) = &request.key
        && !cluster.takes(info.name(), Key::from_text(key).fnv1a32())
    {
        return Err(Refusal::NotOwner);
    }
    if core.calls.count() >= core.max_in_flight {
        return Err(Refusal::Overloaded);
    }
    Ok(info)
}

fn run(
    core: &Arc<Core>,
    running: &Running,
    info: &'static MessageInfo,
    request: Request,
    incoming: Incoming,
) {
    let started = Instant::now();
    let deadline = started + request.timeout;
    let facts = Facts::of(
        request.timeout,
        request.id,
        request.key.clone(),
        request.headers.clone(),
    )
    .with_deadline(deadline);
    let call = request.call.clone();
    let envelope = request.into_envelope(info);
    let content_type = envelope.content_type;
    let payload = Payload::Encoded(content_type, envelope.payload);
    let answer = run_here(Arc::clone(core), info, payload, facts);
    let (cancel, cancelled) = oneshot::channel();
    lock(running).insert(call.clone(), cancel);
    core.calls.enter();
    let here = Here {
        core: Arc::clone(core),
        running: Arc::clone(running),
        call,
    };
    spawn(&core.runtime, async move {
        let here = here;
        let answer = std::pin::pin!(answer);
        let stopped = std::pin::pin!(here.core.lifecycle.stopped());
        let ended = std::pin::pin!(select(cancelled, stopped));
        // Cancelled: the handler's future is dropped, and nobody waits for an answer.
        if let Either::Left((answer, _)) = select(answer, ended).await {
            here.core.latency.record(started.elapsed());
            incoming.reply(frame_of(answer, content_type)).await;
        }
    });
}

/// A call that runs here, counted until it ends.
struct Here {
    core: Arc<Core>,
    running: Running,
    call: CallId,
}

impl Drop for Here {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.call);
        self.core.calls.leave();
    }
}

fn lock(running: &Running) -> std::sync::MutexGuard<'_, HashMap<CallId, oneshot::Sender<()>>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
