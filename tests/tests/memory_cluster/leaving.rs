//! What a node that leaves has time for.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use catga::node::{Phase, ShutdownError};
use catga::transport::{Memory, VISIBILITY};
use catga::{Node, State, command, handler};
use catga_tests::faulty::Fault;
use catga_tests::suite::durable::work::{Job, Put, Sink};
use catga_tests::suite::durable::{builder, builder_on, node_on_line, node_with};
use catga_tests::suite::site::{NODE_TIMEOUT, Site, all_owned, until};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::InMemory;

const MOMENT: Duration = Duration::from_millis(100);

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

/// The intake may be waiting for the broker.
#[tokio::test(start_paused = true)]
async fn nothing_starts_any_more_however_the_intake_waits() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (a, line) = node_on_line(&site, &sink).await;
    for n in 0..1_000 {
        a.enqueue(Put { key: 1, n, ms: 50 }).await.unwrap();
    }
    until("it runs", NODE_TIMEOUT, || sink.len() == 3).await;
    line.set(|rules| rules.queues = Fault::Hang);
    site.faults.break_intakes();
    sleep(MOMENT).await;
    let leaving = a.clone();
    let leaving = tokio::spawn(async move { leaving.shutdown().await });
    sleep(MOMENT).await;
    let begun = sink.len();
    sleep(NODE_TIMEOUT).await;
    assert_eq!(sink.len(), begun);
    line.heal();
    leaving.await.unwrap().unwrap();
}

#[derive(Debug, Clone, Default)]
struct Own(Arc<OnceLock<Node>>);

#[command]
#[route(key = "key")]
#[derive(Debug, Serialize, Deserialize)]
struct Stop {
    key: u64,
}

#[handler]
async fn stop(_: Stop, State(own): State<Own>) -> Result<(), ShutdownError> {
    match own.0.get() {
        Some(node) => node.shutdown().await,
        None => Ok(()),
    }
}

/// It is dropped at the end of the drain timeout, and the shutdown goes on.
#[tokio::test(start_paused = true)]
async fn a_handler_shuts_its_node_down() {
    let site = Site::new(InMemory(Memory::private()));
    let start = async |id: &str, own: &Own| {
        let node = Node::builder("shop")
            .id(id)
            .broker(site.line(id).transport())
            .drain_timeout(Duration::from_secs(5))
            .state(own.clone())
            .only(|handler| handler.module() == module_path!());
        node.start().await.unwrap()
    };
    let own = Own::default();
    let a = start("a", &own).await;
    own.0.set(a.clone()).unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    a.enqueue(Stop { key: 1 }).await.unwrap();
    sleep(2 * NODE_TIMEOUT).await;
    assert_eq!(a.phase(), Phase::Stopped);
    // Where it goes on, it shuts nothing down.
    let b = start("b", &Own::default()).await;
    all_owned(std::slice::from_ref(&b), 32).await;
}
