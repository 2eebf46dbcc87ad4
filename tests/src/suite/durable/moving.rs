//! Partitions go from node to node as planned.

use std::time::Duration;

use catga::Node;
use catga::delivery::Reason;
use tokio::time::sleep;

use super::super::Cluster;
use super::super::site::{NODE_TIMEOUT, Site, all_owned, until};
use super::work::{Happened, Sink, Try};
use super::{builder, each_once, in_order, letters, node_on_line, nodes, put};
use crate::faulty::Fault;

const SOON: Duration = Duration::from_secs(20);
const TAKEN_OVER: Duration = Duration::from_secs(60);

pub async fn a_join_moves_partitions_without_a_duplicate<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    let mut joined = None;
    for n in 0..60 {
        for key in 0..20 {
            put(&a, key, n, 2).await;
        }
        if n == 10 {
            joined = Some(builder(&site, &sink, "b").start().await.unwrap());
        }
        sleep(Duration::from_millis(400)).await;
    }
    let b = joined.unwrap();
    until("all ran", TAKEN_OVER, || sink.len() >= 20 * 60).await;
    all_owned(&[a.clone(), b.clone()], 32).await;
    assert!(
        sink.all().iter().any(|ran| ran.node == "b"),
        "it has its share"
    );
    in_order(&sink, 0..20, 60);
    each_once(&sink, 0..20);
}

pub async fn attempts_and_finished_handlers_go_with_a_planned_move<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    a.publish(Happened {
        key: 1,
        n: 1,
        fails: 3,
    })
    .await
    .unwrap();
    until("it failed", SOON, || !sink.by_handler("second").is_empty()).await;
    let b = builder(&site, &sink, "b").start();
    let (b, shut) = tokio::join!(b, a.shutdown());
    shut.unwrap();
    let _b = b.unwrap();
    until("it is at its end", TAKEN_OVER, || {
        sink.by_handler("second").len() >= 4
    })
    .await;
    let attempts: Vec<u32> = sink
        .by_handler("second")
        .iter()
        .map(|ran| ran.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    assert_eq!(sink.by_handler("first").len(), 1);
}

/// A node that owns all partitions and runs a message of 32 keys for so long, with another one
/// behind each.
async fn busy<C: Cluster>(site: &Site<C>, sink: &Sink, ms: u64) -> Node {
    let node = builder(site, sink, "a").drain_timeout(Duration::from_secs(5));
    let node = node.start().await.unwrap();
    all_owned(std::slice::from_ref(&node), 32).await;
    for key in 0..32 {
        put(&node, key, 0, ms).await;
        put(&node, key, 1, 0).await;
    }
    until("each runs", SOON, || sink.len() >= 32).await;
    node
}

pub async fn a_slow_handler_keeps_its_partition_until_it_ends<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let a = busy(&site, &sink, 15_000).await;
    let b = builder(&site, &sink, "b").start().await.unwrap();
    until("all ran", TAKEN_OVER, || sink.len() >= 64).await;
    in_order(&sink, 0..32, 2);
    each_once(&sink, 0..32);
    all_owned(&[a, b], 32).await;
}

/// A handler that fails for good.
fn hopeless(key: u64) -> Try {
    Try {
        permanent: true,
        ..Try::new(key, 0, 0)
    }
}

pub async fn what_waits_for_its_dead_letter_keeps_its_partition<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let (a, line) = node_on_line(&site, &sink).await;
    line.set(|rules| rules.letters = Fault::Fail);
    for key in 0..32 {
        a.enqueue(hopeless(key)).await.unwrap();
    }
    until("each failed", SOON, || sink.len() == 32).await;
    let b = builder(&site, &sink, "b").start().await.unwrap();
    sleep(2 * NODE_TIMEOUT).await;
    line.heal();
    letters(&a, 32).await;
    all_owned(&[a, b], 32).await;
    each_once(&sink, 0..32);
}

pub async fn a_last_attempt_is_not_made_again_by_the_next_owner<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let line = site.line("a");
    let a = super::builder_on(&line, &sink, "shop", "a")
        .drain_timeout(Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    line.set(|rules| rules.letters = Fault::Fail);
    a.enqueue(hopeless(1)).await.unwrap();
    a.enqueue(Try::new(2, 0, 9)).await.unwrap();
    until("both are given up", SOON, || sink.len() == 5).await;
    sleep(Duration::from_millis(500)).await;
    a.shutdown().await.unwrap_err();
    let b = builder(&site, &sink, "b").start().await.unwrap();
    let mut letters = letters(&b, 2).await;
    letters.sort_by_key(|letter| letter.attempts());
    let told = |at: usize| (letters[at].attempts(), letters[at].reason());
    assert_eq!(told(0), (1, Reason::Permanent));
    assert_eq!(told(1), (4, Reason::Attempts));
    assert_eq!(letters[0].error_chain(), ["never"]);
    assert_eq!(sink.len(), 5, "{:?}", sink.all());
}

pub async fn a_move_that_is_called_off_starts_nothing_of_a_paused_service<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let a = busy(&site, &sink, 30_000).await;
    a.pause().await.unwrap();
    let b = builder(&site, &sink, "b").start().await.unwrap();
    sleep(Duration::from_secs(40)).await;
    assert_eq!(sink.len(), 32, "what ran ended, and nothing began");
    b.resume().await.unwrap();
    until("all ran", TAKEN_OVER, || sink.len() >= 64).await;
    in_order(&sink, 0..32, 2);
    each_once(&sink, 0..32);
}
