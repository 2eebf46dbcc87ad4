//! What becomes of the messages of a node that dies.

use std::time::Duration;

use catga::delivery::Reason;
use tokio::time::sleep;

use super::super::Cluster;
use super::super::site::{NODE_TIMEOUT, Site, all_owned, until};
use super::work::{Job, Sink};
use super::{builder, in_order, letters, nodes, put};

const SOON: Duration = Duration::from_secs(20);
const TAKEN_OVER: Duration = Duration::from_secs(60);

pub async fn a_crash_is_taken_over_in_order<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    sink.close();
    for n in 0..5 {
        for key in 0..20 {
            put(&a, key, n, 0).await;
        }
    }
    until("each key runs", SOON, || sink.len() >= 20).await;
    site.line("b").cut();
    drop(b);
    sink.open();
    until("all ran", TAKEN_OVER, || {
        (0..20).all(|key| sink.of_key(key).len() == 5)
    })
    .await;
    in_order(&sink, 0..20, 5);
    let twice = (0..20)
        .flat_map(|key| sink.times(key))
        .filter(|(_, times)| *times > 1);
    for (n, times) in twice {
        assert_eq!(
            (n, times),
            (0, 2),
            "only what ran when it crashed runs again"
        );
    }
}

pub async fn a_node_that_is_cut_off_stops_in_time<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let line = site.line("b");
    let a = builder(&site, &sink, "a").start().await.unwrap();
    let b = super::builder_on(&line, &sink, "shop", "b")
        .start()
        .await
        .unwrap();
    all_owned(&[a.clone(), b.clone()], 32).await;
    for key in 0..20 {
        put(&a, key, 0, 60_000).await;
    }
    until("each runs", SOON, || sink.len() == 20).await;
    line.cut();
    // What runs on the node that is cut off is dropped before anybody runs it again.
    until("all are run again", TAKEN_OVER, || {
        sink.all().iter().filter(|ran| ran.node == "a").count() == 20
    })
    .await;
    assert!(sink.overlaps().is_empty(), "{:?}", sink.overlaps());
    line.heal();
    all_owned(&[a.clone(), b.clone()], 32).await;
    // By then some of a's long runs still hold partitions until they end.
    put(&a, 100, 0, 0).await;
    until("the cluster goes on", TAKEN_OVER, || {
        !sink.of_key(100).is_empty()
    })
    .await;
    assert!(sink.overlaps().is_empty(), "{:?}", sink.overlaps());
}

pub async fn a_lapse_of_the_lease_is_no_crash<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let line = site.line("a");
    let a = super::builder_on(&line, &sink, "shop", "a")
        .start()
        .await
        .unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    sink.close();
    put(&a, 1, 0, 0).await;
    for lapse in 1..5 {
        until("it runs", TAKEN_OVER, || sink.len() == lapse).await;
        line.cut();
        sleep(2 * NODE_TIMEOUT).await;
        line.heal();
    }
    sink.open();
    put(&a, 1, 1, 0).await;
    until("both ran", TAKEN_OVER, || sink.of_key(1) == [0, 1]).await;
    assert!(a.dead_letters().await.unwrap().is_empty());
}

pub async fn what_ends_nodes_is_quarantined<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    sink.close();
    let mut node = builder(&site, &sink, "n0").start().await.unwrap();
    put(&node, 1, 0, 0).await;
    for crash in 1..4 {
        until("it runs", TAKEN_OVER, || sink.len() == crash).await;
        site.line(&format!("n{}", crash - 1)).cut();
        drop(node);
        node = builder(&site, &sink, &format!("n{crash}"))
            .start()
            .await
            .unwrap();
    }
    let letters = letters(&node, 1).await;
    assert_eq!(letters[0].reason(), Reason::Crashes);
    assert_eq!((letters[0].attempts(), sink.len()), (3, 3));
    sink.open();
    put(&node, 1, 1, 0).await;
    until("its key goes on", SOON, || sink.of_key(1) == [0, 1]).await;
}

pub async fn what_only_waited_when_nodes_died_is_not_quarantined<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    sink.close();
    // The others have been received and wait for a place. A node that is dropped without a word is
    // dead to the others.
    let start = async |number| {
        let builder = builder(&site, &sink, &format!("n{number}"));
        builder.max_in_flight(1).start().await.unwrap()
    };
    let mut node = start(0).await;
    for key in 0..6 {
        put(&node, key, 0, 0).await;
    }
    for crash in 1..5 {
        until("one runs", TAKEN_OVER, || sink.len() == crash).await;
        sleep(Duration::from_secs(1)).await;
        drop(node);
        node = start(crash).await;
    }
    sink.open();
    let mut ran = 0;
    until("all are at their end", TAKEN_OVER, || {
        ran = (0..6).filter(|key| !sink.of_key(*key).is_empty()).count();
        ran == 6
    })
    .await;
    sleep(Duration::from_secs(1)).await;
    let often = |key| sink.times(key).get(&0).is_some_and(|times| *times >= 3);
    let guilty = (0..6).filter(|key| often(*key)).count();
    let letters = node.dead_letters().await.unwrap();
    assert!(letters.len() <= guilty, "{letters:?}");
}

pub async fn what_is_paused_when_nodes_die_is_not_quarantined<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let mut node = builder(&site, &sink, "n0").start().await.unwrap();
    node.pause().await.unwrap();
    for key in 0..6 {
        put(&node, key, 0, 0).await;
        node.enqueue(Job { n: key, ms: 0 }).await.unwrap();
    }
    for crash in 1..5 {
        sleep(Duration::from_secs(1)).await;
        drop(node);
        node = builder(&site, &sink, &format!("n{crash}"))
            .start()
            .await
            .unwrap();
        all_owned(std::slice::from_ref(&node), 32).await;
    }
    node.resume().await.unwrap();
    until("all ran", TAKEN_OVER, || sink.len() == 12).await;
    assert!(node.dead_letters().await.unwrap().is_empty());
}

pub async fn what_ends_nodes_is_suspect_to_every_survivor<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    sink.close();
    let mut nodes = Vec::new();
    for id in ["a", "b", "c"] {
        let builder = builder(&site, &sink, id).max_crashes(1);
        nodes.push(builder.start().await.unwrap());
    }
    all_owned(&nodes, 32).await;
    for key in 0..64 {
        put(&nodes[0], key, 0, 0).await;
    }
    until("all run", SOON, || sink.len() == 64).await;
    let ran = sink.all().into_iter().filter(|ran| ran.node == "a");
    let mut guilty: Vec<String> = ran.map(|ran| ran.key.to_string()).collect();
    drop(nodes.remove(0));
    // Each takes over some of its partitions, and only one of them ends its reader.
    let letters = letters(&nodes[0], guilty.len()).await;
    let mut buried: Vec<_> = letters.iter().filter_map(|letter| letter.key()).collect();
    guilty.sort();
    buried.sort_unstable();
    assert_eq!(buried, guilty);
    for survivor in ["b", "c"] {
        assert!(letters.iter().any(|letter| letter.node() == survivor));
    }
    sink.open();
}
