use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catga::node::{Phase, StoreError};
use catga::{Context, SendError, State, command, event, handler};
use catga_tests::eventually;
use serde::{Deserialize, Serialize};

use crate::node;

#[derive(Clone, Default)]
struct Shared {
    started: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Work {
    key: u32,
    millis: u64,
}

#[handler]
async fn work(command: Work, State(shared): State<Shared>, cx: Context) -> anyhow::Result<()> {
    shared.started.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(command.millis)).await;
    cx.publish(Worked).await?;
    shared.finished.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

#[event]
#[derive(Serialize, Deserialize)]
struct Worked;

#[handler]
async fn worked(_: Worked, State(shared): State<Shared>) {
    shared.finished.fetch_add(100, Ordering::SeqCst);
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_what_runs_what_is_stored_and_their_children() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    assert_eq!(node.phase(), Phase::Running);
    let call = {
        let node = node.clone();
        tokio::spawn(async move {
            node.send(Work {
                key: 1,
                millis: 500,
            })
            .await
        })
    };
    for number in 0..3 {
        node.enqueue(Work {
            key: 2,
            millis: 100 * number,
        })
        .await
        .unwrap();
    }
    eventually(|| shared.started.load(Ordering::SeqCst) >= 2).await;
    node.shutdown().await.unwrap();
    assert_eq!(node.phase(), Phase::Stopped);
    call.await.unwrap().unwrap();
    assert_eq!(shared.finished.load(Ordering::SeqCst), 404);
    node.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_refuses_everything_new() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    node.enqueue(Work { key: 1, millis: 50 }).await.unwrap();
    let stopping = tokio::spawn({
        let node = node.clone();
        async move { node.shutdown().await }
    });
    eventually(|| node.phase() != Phase::Running).await;
    for _ in 0..2 {
        let error = node.send(Work { key: 1, millis: 0 }).await.unwrap_err();
        assert!(matches!(error, SendError::Refused(_)), "{error:?}");
        assert!(error.is_retryable());
        let error = node.enqueue(Work { key: 1, millis: 0 }).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
        assert!(node.publish(Worked).await.is_err());
        assert!(node.broadcast(Worked).await.is_err());
        if node.phase() == Phase::Draining {
            node.shutdown().await.unwrap();
        }
    }
    stopping.await.unwrap().unwrap();
    assert_eq!(shared.finished.load(Ordering::SeqCst), 101);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_finished_in_time_is_counted_and_dropped() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()).drain_timeout(Duration::from_secs(1)));
    for _ in 0..4 {
        node.enqueue(Work {
            key: 7,
            millis: 700,
        })
        .await
        .unwrap();
    }
    let error = node.shutdown().await.unwrap_err();
    assert_eq!((error.calls(), error.deliveries()), (0, 3));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        shared.finished.load(Ordering::SeqCst),
        101,
        "the first and its child; the rest was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_not_finished_in_time_are_counted() {
    let node = node!(.state(Shared::default()).drain_timeout(Duration::from_secs(1)));
    let calls: Vec<_> = [10, 5_000, 5_000]
        .map(|millis| {
            let node = node.clone();
            tokio::spawn(async move { node.send(Work { key: 1, millis }).await.map(drop) })
        })
        .into();
    tokio::task::yield_now().await;
    let error = node.shutdown().await.unwrap_err();
    assert_eq!((error.calls(), error.deliveries()), (2, 0));
    drop(calls);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_node_stops_at_once() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    let clone = node.clone();
    node.enqueue(Work {
        key: 1,
        millis: 1000,
    })
    .await
    .unwrap();
    node.enqueue(Work {
        key: 1,
        millis: 1000,
    })
    .await
    .unwrap();
    drop(node);
    eventually(|| shared.started.load(Ordering::SeqCst) > 0).await;
    drop(clone);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(shared.started.load(Ordering::SeqCst), 1);
    assert_eq!(shared.finished.load(Ordering::SeqCst), 0);
    assert_eq!(
        Arc::strong_count(&shared.started),
        1,
        "nothing of the node is left"
    );
}

#[command(response = bool)]
#[derive(Serialize, Deserialize)]
struct Compute;

/// Whether what it publishes after a long first poll is refused.
#[handler]
async fn compute(_: Compute, State(shared): State<Shared>, cx: Context) -> bool {
    shared.started.fetch_add(1, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(300));
    let refused = cx.publish(Worked).await;
    matches!(refused, Err(StoreError::Refused { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_computes_before_its_first_await_goes_on_and_is_refused() {
    let shared = Shared::default();
    let node = node!(.state(shared.clone()));
    let caller = node.clone();
    let call = tokio::spawn(async move { caller.send(Compute).await });
    eventually(|| shared.started.load(Ordering::SeqCst) == 1).await;
    node.shutdown().await.unwrap();
    assert!(!call.is_finished(), "it was not waited for");
    assert!(call.await.unwrap().unwrap(), "its caller has the answer");
    assert_eq!(
        shared.finished.load(Ordering::SeqCst),
        0,
        "nothing was stored"
    );
}
