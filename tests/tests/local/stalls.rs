//! What waits for something that waits for it: none of that holds up a node.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::delivery::{Delivery, LaneHeld};
use catga::node::Next;
use catga::{Context, MessageId, Node, Options, SendError, State, command, event, handler, query};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use crate::node;

type Log = Arc<Mutex<Vec<String>>>;

#[command]
#[derive(Serialize, Deserialize)]
struct Split {
    parts: u32,
}

#[event]
#[route(key = "number")]
#[derive(Serialize, Deserialize)]
struct Part {
    number: u32,
}

#[handler]
async fn split(command: Split, cx: Context) -> anyhow::Result<()> {
    for number in 0..command.parts {
        cx.publish(Part { number }).await?;
    }
    Ok(())
}

#[handler(retry(max = 1))]
async fn part(event: Part, State(log): State<Log>) {
    log.lock().unwrap().push(format!("part {}", event.number));
}

#[tokio::test(start_paused = true)]
async fn handlers_that_publish_into_a_full_queue_go_on() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)).state(Stop::default()).queue_capacity(2));
    let started = Instant::now();
    for _ in 0..10 {
        node.enqueue(Split { parts: 5 }).await.unwrap();
    }
    node.shutdown().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "nobody waited");
    assert!(
        node.dead_letters().await.unwrap().is_empty(),
        "{:?}",
        node.dead_letters().await.unwrap()
    );
    assert_eq!(log.lock().unwrap().len(), 50);
}

#[command(timeout = "100ms")]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Layered {
    key: u32,
}

#[handler(retry(max = 1))]
async fn layered(_: Layered, State(log): State<Log>) {
    log.lock().unwrap().push("layered".into());
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_never_answers_ends_at_the_deadline() {
    let log = Log::default();
    let stuck = MessageId::new();
    let node = node!(
        .state(Arc::clone(&log))
        .state(Stop::default())
        .layer(tower::layer::layer_fn(move |next: Next| {
            tower::service_fn(move |delivery: Delivery| {
                let mut next = next.clone();
                async move {
                    if delivery.id() == stuck {
                        std::future::pending::<()>().await;
                    }
                    next.ready().await?.call(delivery).await
                }
            })
        }))
    );
    let options = Options::new().id(stuck);
    node.with(options)
        .enqueue(Layered { key: 1 })
        .await
        .unwrap();
    node.enqueue(Layered { key: 1 }).await.unwrap();
    // Not spinning: a paused clock goes on only while everybody waits.
    while log.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let letters = node.dead_letters().await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].id(), stuck);
    let text = letters[0].error_chain().join(": ");
    assert!(text.contains("100ms"), "{text}");
    node.shutdown().await.unwrap();
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Outer {
    key: u32,
    to: u32,
    through: bool,
}

#[query(response = ())]
#[derive(Serialize, Deserialize)]
struct Between {
    to: u32,
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Inner {
    key: u32,
}

#[handler(retry(max = 1))]
async fn outer(command: Outer, cx: Context) -> anyhow::Result<()> {
    let Outer { to, through, .. } = command;
    if through {
        cx.send(Between { to }).await?;
    } else {
        cx.send(Inner { key: to }).await?;
    }
    Ok(())
}

#[handler]
async fn between(query: Between, cx: Context) -> anyhow::Result<()> {
    cx.send(Inner { key: query.to }).await?;
    Ok(())
}

#[handler(serial)]
async fn inner(command: Inner, State(log): State<Log>) {
    log.lock().unwrap().push(format!("inner {}", command.key));
}

/// Whether a [`LaneHeld`] of that key is among the sources.
fn is_held(error: &(dyn Error + 'static), key: &str) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| {
        error
            .downcast_ref::<LaneHeld>()
            .is_some_and(|held| held.key() == key)
    })
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct SerialOuter {
    key: u32,
    to: u32,
}

#[handler(serial)]
async fn serial_outer(command: SerialOuter, cx: Context) -> anyhow::Result<()> {
    cx.send(Inner { key: command.to }).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_send_into_the_callers_own_lane_fails_at_once() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)).state(Stop::default()));
    let started = Instant::now();
    for through in [false, true] {
        node.enqueue(Outer {
            key: 1,
            to: 1,
            through,
        })
        .await
        .unwrap();
        node.enqueue(Outer {
            key: 1,
            to: 2,
            through,
        })
        .await
        .unwrap();
    }
    let error = node.send(SerialOuter { key: 3, to: 3 }).await.unwrap_err();
    assert!(is_held(&error, "3"), "{error:?}");
    assert!(!error.is_retryable(), "the same lane is held again");
    node.send(SerialOuter { key: 3, to: 4 }).await.unwrap();
    // A plain call holds no lane.
    node.send(Outer {
        key: 5,
        to: 5,
        through: true,
    })
    .await
    .unwrap();
    node.shutdown().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "nobody waited");
    let letters = node.dead_letters().await.unwrap();
    assert_eq!(letters.len(), 2, "{letters:?}");
    for letter in letters {
        let text = letter.error_chain().join(": ");
        assert!(text.contains("its own caller"), "{text}");
        assert_eq!(letter.attempts(), 1, "permanent");
    }
    let mut log = log.lock().unwrap().clone();
    log.sort();
    assert_eq!(log, ["inner 2", "inner 2", "inner 4", "inner 5"]);
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Hold {
    key: u32,
}

#[handler(serial)]
async fn hold(_: Hold, State(stop): State<Stop>) {
    stop.holding.notify_one();
    std::future::pending::<()>().await;
}

#[derive(Clone, Default)]
struct Stop {
    holding: Arc<Notify>,
    node: Arc<Mutex<Option<Node>>>,
}

#[tokio::test(start_paused = true)]
async fn callers_behind_a_lane_of_a_stopped_node_are_refused() {
    let stop = Stop::default();
    let node = node!(.state(Log::default()).state(stop.clone()).drain_timeout(Duration::ZERO));
    let send = || {
        let node = node.clone();
        tokio::spawn(async move { node.send(Hold { key: 1 }).await })
    };
    let holding = send();
    stop.holding.notified().await;
    let behind = send();
    tokio::task::yield_now().await;
    let started = Instant::now();
    node.shutdown().await.unwrap_err();
    let refused = behind.await.unwrap();
    assert!(matches!(refused, Err(SendError::Refused(_))), "{refused:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "at once");
    holding.abort();
}

#[event]
#[derive(Serialize, Deserialize)]
struct Last;

#[handler]
fn last(_: Last, State(stop): State<Stop>, State(log): State<Log>) {
    log.lock().unwrap().push("last".into());
    // The last handle: the node stops here and now.
    stop.node.lock().unwrap().take();
}

#[tokio::test]
async fn nothing_starts_after_the_node_has_stopped() {
    let (log, stop) = (Log::default(), Stop::default());
    let node = node!(.state(Arc::clone(&log)).state(stop.clone()));
    for _ in 0..10 {
        node.publish(Last).await.unwrap();
    }
    *stop.node.lock().unwrap() = Some(node);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*log.lock().unwrap(), ["last"]);
}
