use std::sync::Arc;
use std::time::Duration;

use catga::Node;
use catga::transport::{Memory, RecordKey};
use catga_tests::faulty::{Fault, Faults, Rules};
use catga_tests::texts;
use tokio::time::{sleep, timeout};

fn builder(transport: Arc<dyn catga::transport::Transport>, id: &str) -> catga::node::Builder {
    Node::builder("orders")
        .broker(transport)
        .id(id)
        .only(|_| false)
}

#[tokio::test(start_paused = true)]
async fn a_start_error_shows_its_whole_chain_where_main_shows_it() {
    let faults = Faults::new(Arc::new(Memory::private()));
    let line = faults.line("one");
    line.set(|rules| *rules = Rules::DOWN);
    let error = builder(line.transport(), "one").start().await.unwrap_err();
    let chain = texts(&error);
    assert_eq!(chain, ["the broker could not do anything", "it is down"]);
    assert_eq!(format!("{error:?}"), chain.join(": "));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_leaves_no_node_behind() {
    let faults = Faults::new(Arc::new(Memory::private()));
    let line = faults.line("one");
    // It joins, and then waits for its subscription.
    line.set(|rules| rules.frames = Fault::Hang);
    let starting = builder(line.transport(), "one").start();
    timeout(Duration::from_secs(1), starting).await.unwrap_err();
    let beats = || faults.writes(|_, key| matches!(key, RecordKey::Member(_)));
    let before = beats();
    assert!(before > 0, "it had joined");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(beats(), before, "nothing of it beats");

    let other = builder(faults.line("two").transport(), "two")
        .start()
        .await
        .unwrap();
    assert!(other.members().get("one").is_none());
    let again = builder(faults.line("one").transport(), "one")
        .start()
        .await
        .unwrap();
    again.shutdown().await.unwrap();
    other.shutdown().await.unwrap();
}
