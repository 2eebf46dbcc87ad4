//! What a node that leaves has time for.

use std::time::Duration;

use catga::transport::{Memory, VISIBILITY};
use catga_tests::faulty::Fault;
use catga_tests::suite::durable::work::{Job, Put, Sink};
use catga_tests::suite::durable::{builder, builder_on, node_on_line, node_with};
use catga_tests::suite::site::{NODE_TIMEOUT, Site, all_owned, until};
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::InMemory;

#[tokio::test(start_paused = true)]
async fn a_handler_that_ends_just_in_time_leaves_the_broker_time() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let drain = Duration::from_secs(10);
    let (a, line) = node_with(&site, &sink, |builder| builder.drain_timeout(drain)).await;
    let put = Put {
        key: 1,
        n: 0,
        ms: 9_990,
    };
    a.enqueue(put).await.unwrap();
    until("it runs", NODE_TIMEOUT, || sink.len() == 1).await;
    // More than what is left when the handler ends.
    line.set(|rules| {
        let slow = Fault::Delay(Duration::from_millis(50));
        (rules.writes, rules.queues) = (slow, slow);
    });
    a.shutdown().await.unwrap();
    let b = builder_on(&site.line("b"), &sink, "shop", "b");
    let b = b.start().await.unwrap();
    all_owned(std::slice::from_ref(&b), 32).await;
    sleep(2 * NODE_TIMEOUT).await;
    assert_eq!(sink.len(), 1, "{:?}", sink.all());
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_is_given_back_before_the_node_is_gone() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let drain = Duration::from_secs(1);
    let (a, line) = node_with(&site, &sink, |builder| builder.drain_timeout(drain)).await;
    for n in 0..10 {
        a.enqueue(Job { n, ms: 60_000 }).await.unwrap();
    }
    until("all run", NODE_TIMEOUT, || sink.len() == 10).await;
    let b = builder(&site, &sink, "b").start().await.unwrap();
    line.set(|rules| rules.queues = Fault::Delay(Duration::from_millis(500)));
    a.shutdown().await.unwrap_err();
    until("the other one has them", VISIBILITY / 2, || {
        sink.len() == 20
    })
    .await;
    drop(b);
}

/// What waits in a lane is dropped with it, and not each by the one before.
#[test]
fn a_runtime_may_end_before_its_node() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let node = runtime.block_on(async {
        let site = Site::new(InMemory(Memory::private()));
        let sink = Sink::default();
        let (node, _) = node_on_line(&site, &sink).await;
        let put = |n| Put {
            key: 1,
            n,
            ms: 3_600_000,
        };
        for stored in node.enqueue_all((0..10_000).map(put)).await {
            stored.unwrap();
        }
        until("the first runs", NODE_TIMEOUT, || sink.len() == 1).await;
        sleep(NODE_TIMEOUT).await;
        node
    });
    drop(runtime);
    assert_eq!(node.id().as_str(), "a");
}
