//! A service that is paused while nodes come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catga::transport::Memory;
use catga::{Node, State, command, handler};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

#[derive(Debug, Clone, Default)]
struct Counts(Arc<AtomicUsize>);

#[command]
#[derive(Debug, Serialize, Deserialize)]
struct Task;

#[handler]
async fn task(_: Task, State(counts): State<Counts>) {
    counts.0.fetch_add(1, Ordering::SeqCst);
}

async fn node(memory: &Memory, counts: &Counts, id: &str) -> Node {
    Node::builder("shop")
        .id(id)
        .broker(memory.clone())
        .heartbeat(Duration::from_millis(500))
        .node_timeout(Duration::from_secs(3))
        .state(counts.clone())
        .only(|handler| handler.module() == module_path!())
        .start()
        .await
        .unwrap()
}

/// One thread, so that what a task begins runs before what was begun behind that task.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_starts_while_its_service_is_paused_handles_nothing() {
    for _ in 0..20 {
        let (memory, counts) = (Memory::private(), Counts::default());
        let a = node(&memory, &counts, "a").await;
        a.pause().await.unwrap();
        for stored in a.enqueue_all((0..3).map(|_| Task)).await {
            stored.unwrap();
        }
        let b = node(&memory, &counts, "b").await;
        assert!(b.is_paused());
        sleep(Duration::from_millis(50)).await;
        assert_eq!(counts.0.load(Ordering::SeqCst), 0);
    }
}
