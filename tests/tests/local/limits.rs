use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catga::{State, command, handler};
use serde::{Deserialize, Serialize};

use crate::node;

#[derive(Clone, Default)]
struct Running {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[command]
#[derive(Serialize, Deserialize)]
struct Work;

#[handler(concurrency = 3)]
async fn work(_: Work, State(running): State<Running>) {
    let now = running.now.fetch_add(1, Ordering::SeqCst) + 1;
    running.most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(2)).await;
    running.now.fetch_sub(1, Ordering::SeqCst);
}

#[tokio::test]
async fn a_handler_runs_at_most_so_often_at_once() {
    let running = Running::default();
    let node = node!(.state(running.clone()));
    let sent = node.send_all((0..20).map(|_| Work));
    let stored = node.enqueue_all((0..20).map(|_| Work));
    let (sent, stored) = tokio::join!(sent, stored);
    assert!(sent.iter().all(Result::is_ok));
    assert!(stored.iter().all(Result::is_ok));
    node.shutdown().await.unwrap();
    assert_eq!(running.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn durable_attempts_are_bounded() {
    let running = Running::default();
    let node = node!(.state(running.clone()).max_in_flight(2));
    node.enqueue_all((0..20).map(|_| Work)).await;
    node.shutdown().await.unwrap();
    assert_eq!(running.most.load(Ordering::SeqCst), 2);
}
