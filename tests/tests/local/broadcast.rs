use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use catga::{State, event, handler};
use catga_tests::eventually;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::node;

#[derive(Clone)]
struct Shared {
    broadcast: Arc<AtomicUsize>,
    published: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Shared {
    fn new() -> Self {
        Self {
            broadcast: Arc::default(),
            published: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

#[event]
#[derive(Serialize, Deserialize)]
struct Changed;

#[handler(broadcast)]
async fn hear(_: Changed, State(shared): State<Shared>) -> anyhow::Result<()> {
    shared.gate.acquire().await?.forget();
    shared.broadcast.fetch_add(1, Ordering::SeqCst);
    anyhow::bail!("it is not tried again")
}

#[handler]
async fn handle(_: Changed, State(shared): State<Shared>) {
    shared.published.fetch_add(1, Ordering::SeqCst);
}

#[tokio::test]
async fn broadcast_and_publish_go_to_different_handlers() {
    let shared = Shared::new();
    shared.gate.add_permits(10);
    let node = node!(.state(shared.clone()));
    node.broadcast(Changed).await.unwrap();
    eventually(|| shared.broadcast.load(Ordering::SeqCst) > 0).await;
    assert_eq!(shared.published.load(Ordering::SeqCst), 0);
    node.publish(Changed).await.unwrap();
    node.shutdown().await.unwrap();
    assert_eq!(shared.published.load(Ordering::SeqCst), 1);
    assert_eq!(shared.broadcast.load(Ordering::SeqCst), 1);
    assert!(
        node.dead_letters().await.unwrap().is_empty(),
        "a broadcast leaves no dead letter"
    );
}

#[tokio::test]
async fn a_broadcast_that_finds_no_room_is_dropped_and_counted() {
    let shared = Shared::new();
    let node = node!(.state(shared.clone()).max_in_flight(2));
    let sent = node.broadcast_all((0..5).map(|_| Changed)).await;
    assert!(sent.iter().all(Result::is_ok));
    assert_eq!(node.dropped_broadcasts(), 3);
    shared.gate.add_permits(10);
    eventually(|| shared.broadcast.load(Ordering::SeqCst) == 2).await;
    node.broadcast(Changed).await.unwrap();
    assert_eq!(node.dropped_broadcasts(), 3, "there is room again");
}
