//! What a node remembers of what it did, when its lease ended meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catga::transport::Memory;
use catga::{Context, Node, State, event, handler};
use catga_tests::faulty::Line;
use catga_tests::suite::durable::node_with;
use catga_tests::suite::durable::work::{Once, Put, Sink};
use catga_tests::suite::site::{HEARTBEAT, Site, all_owned, until};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::InMemory;

/// A handler ends shortly before its node's lease does, while the broker is away.
async fn runs_when_the_lease_ends_behind_it(dedup: bool, after: u64) -> usize {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (a, line) = node_with(&site, &sink, |builder| builder).await;
    sink.close();
    if dedup {
        a.enqueue(Once {
            key: 1,
            n: 0,
            fails: 0,
        })
        .await
        .unwrap();
    } else {
        a.enqueue(Put {
            key: 1,
            n: 0,
            ms: 0,
        })
        .await
        .unwrap();
    }
    until("it runs", HEARTBEAT, || sink.len() == 1).await;
    line.cut();
    sleep(Duration::from_millis(after)).await;
    sink.open();
    sleep(Duration::from_secs(5)).await;
    line.heal();
    sleep(Duration::from_secs(60)).await;
    sink.len()
}

#[tokio::test(start_paused = true)]
async fn what_has_succeeded_is_not_run_again_by_its_own_node() {
    for after in (3_000..9_000).step_by(500) {
        for dedup in [false, true] {
            let runs = runs_when_the_lease_ends_behind_it(dedup, after).await;
            assert_eq!(runs, 1, "dedup: {dedup}, after {after} ms");
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Counts(Arc<AtomicUsize>);

#[derive(Debug, thiserror::Error, catga::Fault)]
#[error("later")]
#[transient(after = "30s", max = 50)]
struct Later;

#[event]
#[route(key = "key")]
#[derive(Debug, Serialize, Deserialize)]
struct Two {
    key: u64,
}

/// Succeeds with its second attempt, and counts that.
#[handler]
async fn one(_: Two, State(counts): State<Counts>, cx: Context) -> Result<(), Later> {
    if cx.attempt().get() == 1 {
        return Err(Later);
    }
    counts.0.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

#[handler]
async fn other(_: Two) -> Result<(), Later> {
    Err(Later)
}

async fn node(line: &Line, counts: &Counts, id: &str) -> Node {
    Node::builder("shop")
        .id(id)
        .broker(line.transport())
        .heartbeat(Duration::from_millis(500))
        .node_timeout(Duration::from_secs(3))
        .state(counts.clone())
        .only(|handler| handler.module() == module_path!())
        .start()
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_an_owner_told_long_ago_is_not_believed_again() {
    let site = Site::new(InMemory(Memory::private()));
    let counts = Counts::default();
    let b = node(&site.line("b"), &counts, "b").await;
    all_owned(std::slice::from_ref(&b), 32).await;
    b.publish(Two { key: 1 }).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let line = site.line("a");
    let a = node(&line, &counts, "a").await;
    b.shutdown().await.unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    sleep(Duration::from_secs(2)).await;
    let succeeded = || counts.0.load(Ordering::SeqCst);
    assert_eq!(succeeded(), 1);
    line.cut();
    sleep(Duration::from_secs(10)).await;
    line.heal();
    all_owned(std::slice::from_ref(&a), 32).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(succeeded(), 1, "it ran again");
}
