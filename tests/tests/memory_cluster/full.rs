//! What becomes of messages behind one that a full queue refused.

use std::time::Duration;

use catga::node::StoreError;
use catga::transport::Memory;
use catga_tests::faulty::Lie;
use catga_tests::suite::durable::nodes;
use catga_tests::suite::durable::work::{Put, Sink};
use catga_tests::suite::site::{Site, until};
use futures_util::future::join_all;

use crate::InMemory;

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_refused_message_is_refused() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    let put = |n| Put { key: 1, n, ms: 0 };
    // Every second call is refused: this is the first.
    site.faults.lie(Lie::AppendsRefused, 2);
    a.enqueue(put(0)).await.unwrap();
    // Tasks of one thread: they begin in this order.
    let storing = (1..1_501).map(|n| {
        let node = a.clone();
        tokio::spawn(async move { node.enqueue(put(n)).await })
    });
    let stored = join_all(storing.collect::<Vec<_>>()).await;
    let full = |stored: &Result<_, StoreError>| matches!(stored, Err(StoreError::Full { .. }));
    let stored = stored.into_iter().map(Result::unwrap);
    let refused = stored.filter(|stored| full(stored)).count();
    assert!(refused > 1_000, "{refused}: more than one call takes");
    site.faults.be_honest();
    a.enqueue(put(2_000)).await.unwrap();
    until("all ran", Duration::from_secs(20), || {
        sink.len() == 1_502 - refused
    })
    .await;
    let ran = sink.of_key(1);
    assert!(ran.is_sorted(), "{ran:?}");
}
