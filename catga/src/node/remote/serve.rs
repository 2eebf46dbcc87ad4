use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant, sleep};

use super::answer::{refused, unreadable};
use super::refusal::Refusal;
use super::request::{CallId, Received, Request};
use crate::cluster::Cluster;
use crate::delivery::Envelope;
use crate::handler::Facts;
use crate::message::MessageId;
use crate::node::Core;
use crate::routing::{Key, StrategyKind};
use crate::transport::Incoming;

/// Calls that run here for other nodes, and how each is cancelled.
type Running = Arc<Mutex<HashMap<CallId, oneshot::Sender<()>>>>;

/// Answers the calls of other nodes until this node has stopped.
pub(crate) async fn serve(core: Arc<Core>, cluster: Arc<Cluster>) {
    let running = Running::default();
    let mut failures: u32 = 0;
    while core.lifecycle.phase() != crate::node::Phase::Stopped {
        match cluster.transport.messenger().serve(&cluster.me).await {
            Ok(mut inbox) => {
                failures = 0;
                loop {
                    let stopped = std::pin::pin!(core.lifecycle.stopped());
                    match select(stopped, inbox.next()).await {
                        Either::Left(_) => return,
                        Either::Right((None, _)) => break,
                        Either::Right((Some(incoming), _)) => {
                            receive(&core, &cluster, &running, incoming);
                        }
                    }
                }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::warn!(target: "catga", node = %core.id, failures, %error, "the inbox cannot be opened; it is tried again");
            }
        }
        sleep(Duration::from_millis(20) * 2_u32.pow(failures.min(7))).await;
    }
}

fn receive(core: &Arc<Core>, cluster: &Arc<Cluster>, running: &Running, mut incoming: Incoming) {
    let frame = std::mem::take(&mut incoming.frame);
    match Received::parse(frame) {
        Ok(Received::Cancel(call)) => {
            // Dropping the sender would do, too; a call that is not here has ended.
            if let Some(cancel) = lock(running).remove(&call) {
                let _ = cancel.send(());
            }
        }
        Ok(Received::Call(request)) => match refusal(core, cluster, &request) {
            Some(refusal) => reply(core, incoming, refused(refusal)),
            None => run(core, running, request, incoming),
        },
        Err(text) => reply(core, incoming, unreadable(text)),
    }
}

fn reply(core: &Core, incoming: Incoming, answer: crate::transport::Frame) {
    core.runtime.spawn(incoming.reply(answer));
}

/// Why this node does not run a call, decided before anything runs.
fn refusal(core: &Core, cluster: &Cluster, request: &Request) -> Option<Refusal> {
    if core.lifecycle.refuses() {
        return Some(Refusal::Draining);
    }
    let Some(message) = core.wiring.message(&request.name) else {
        return Some(Refusal::NoHandler);
    };
    if request.timeout.is_zero() {
        return Some(Refusal::Expired);
    }
    let info = message.info();
    if info.route().strategy() == StrategyKind::ConsistentHash
        && let Some(key) = &request.key
        && !cluster.is_here(Key::from_text(key).fnv1a32())
    {
        return Some(Refusal::NotOwner);
    }
    (core.calls.count() >= core.max_in_flight).then_some(Refusal::Overloaded)
}

fn run(core: &Arc<Core>, running: &Running, request: Request, incoming: Incoming) {
    let Some(message) = core.wiring.message(&request.name) else {
        return;
    };
    let started = Instant::now();
    let deadline = started + request.timeout;
    let facts = Facts::of(
        request.timeout,
        request.id,
        request.key.clone(),
        request.headers.clone(),
    )
    .with_deadline(deadline);
    let envelope = Envelope {
        id: request.id.unwrap_or_else(MessageId::new),
        info: message.info(),
        key: request.key,
        headers: request.headers,
        content_type: request.content_type,
        payload: request.payload,
        only: None,
    };
    let answer = (message.info().operations.answer)(Arc::clone(core), envelope, facts);
    let (cancel, cancelled) = oneshot::channel();
    lock(running).insert(request.call.clone(), cancel);
    core.calls.enter();
    let here = Here {
        core: Arc::clone(core),
        running: Arc::clone(running),
        call: request.call,
    };
    core.runtime.spawn(async move {
        let here = here;
        let stopped = std::pin::pin!(here.core.lifecycle.stopped());
        let ended = std::pin::pin!(select(cancelled, stopped));
        // Cancelled: the handler's future is dropped, and nobody waits for an answer.
        if let Either::Left((answer, _)) = select(answer, ended).await {
            here.core.latency.record(started.elapsed());
            incoming.reply(answer).await;
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
