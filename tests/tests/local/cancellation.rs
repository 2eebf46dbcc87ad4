use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catga::{Context, State, command, handler};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::node;

#[derive(Clone, Default)]
struct Witness {
    started: Arc<Notify>,
    dropped: Arc<AtomicBool>,
    cancelled: Arc<Notify>,
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[command(timeout = "1s")]
#[derive(Serialize, Deserialize)]
struct Wait {
    for_ever: bool,
}

#[command]
#[derive(Serialize, Deserialize)]
struct Panic;

#[handler]
async fn fall(_: Panic, State(witness): State<Witness>, cx: Context) {
    let cancellation = cx.cancellation();
    assert!(!cancellation.is_cancelled());
    tokio::spawn(async move {
        cancellation.cancelled().await;
        assert!(cancellation.is_cancelled());
        witness.cancelled.notify_one();
    });
    panic!("on purpose");
}

#[handler]
async fn wait(command: Wait, State(witness): State<Witness>, cx: Context) {
    let _dropped = SetOnDrop(Arc::clone(&witness.dropped));
    let cancellation = cx.cancellation();
    tokio::spawn(async move {
        cancellation.cancelled().await;
        witness.cancelled.notify_one();
    });
    witness.started.notify_one();
    if command.for_ever {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_dropped_send_stops_its_handler_and_tells_its_tasks() {
    let witness = Witness::default();
    let node = node!(.state(witness.clone()));
    let call = tokio::spawn(async move { node.send(Wait { for_ever: true }).await });
    witness.started.notified().await;
    assert!(!witness.dropped.load(Ordering::SeqCst));
    call.abort();
    witness.cancelled.notified().await;
    assert!(witness.dropped.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_stops_the_handler_and_tells_its_tasks() {
    let witness = Witness::default();
    let node = node!(.state(witness.clone()));
    node.send(Wait { for_ever: true }).await.unwrap_err();
    assert!(witness.dropped.load(Ordering::SeqCst));
    witness.cancelled.notified().await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_ends_is_not_cancelled() {
    let witness = Witness::default();
    let node = node!(.state(witness.clone()));
    node.send(Wait { for_ever: false }).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(60), witness.cancelled.notified());
    assert!(told.await.is_err());
}

#[tokio::test]
async fn a_panic_cancels_the_tasks_of_the_handler() {
    let witness = Witness::default();
    let node = node!(.state(witness.clone()));
    node.send(Panic).await.unwrap_err();
    witness.cancelled.notified().await;
}
