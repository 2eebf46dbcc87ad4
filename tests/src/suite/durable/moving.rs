//! Partitions go from node to node, planned or not.

use std::time::Duration;

use catga::Node;
use catga::delivery::Reason;
use tokio::time::{Instant, sleep};

use super::super::site::{NODE_TIMEOUT, Site, all_owned, until};
use super::super::{Clock, Cluster};
use super::work::{Chore, Happened, Job, Put, Sink, Try};
use super::{builder, letters, node_on_line, nodes};
use crate::faulty::{Fault, Rules};

const SOON: Duration = Duration::from_secs(20);
const TAKEN_OVER: Duration = Duration::from_secs(60);

async fn put(node: &Node, key: u64, n: u64, ms: u64) {
    node.enqueue(Put { key, n, ms }).await.unwrap();
}

fn each_once(sink: &Sink, keys: std::ops::Range<u64>) {
    for key in keys {
        let twice: Vec<_> = sink
            .times(key)
            .into_iter()
            .filter(|(_, times)| *times > 1)
            .collect();
        assert!(twice.is_empty(), "key {key}: {twice:?}");
    }
}

fn in_order(sink: &Sink, keys: std::ops::Range<u64>, count: u64) {
    for key in keys {
        let expected: Vec<u64> = (0..count).collect();
        assert_eq!(sink.of_key(key), expected, "key {key}");
    }
    assert!(sink.overlaps().is_empty(), "{:?}", sink.overlaps());
}

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

pub async fn a_shutdown_hands_over_without_a_duplicate<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    for n in 0..40 {
        for key in 0..20 {
            put(&a, key, n, 5).await;
        }
        if n == 20 {
            b.shutdown().await.unwrap();
        }
    }
    until("all ran", SOON, || sink.len() >= 20 * 40).await;
    in_order(&sink, 0..20, 40);
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

pub async fn a_shutdown_drops_what_does_not_end_and_another_runs_it<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let a = builder(&site, &sink, "a")
        .drain_timeout(Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    put(&a, 1, 0, 5_000).await;
    until("it runs", SOON, || sink.len() == 1).await;
    let unfinished = a.shutdown().await.unwrap_err();
    assert_eq!(unfinished.deliveries(), 1);
    let _b = builder(&site, &sink, "b").start().await.unwrap();
    until("it runs again", TAKEN_OVER, || sink.len() == 2).await;
    assert!(sink.overlaps().is_empty());
}

/// Two nodes share the keys; what `a` runs ends while its broker is away, and cannot be
/// acknowledged. It is shut down then; how long that takes, with the second node.
async fn shut_down_without_a_broker<C: Cluster>(
    site: &Site<C>,
    sink: &Sink,
    rules: Rules,
    away: Duration,
) -> (Duration, Node) {
    let lines = ["a", "b"].map(|id| site.line(id));
    let mut nodes = Vec::new();
    for (line, id) in lines.iter().zip(["a", "b"]) {
        let node = super::builder_on(line, sink, "shop", id).drain_timeout(DRAIN);
        nodes.push(node.start().await.unwrap());
    }
    all_owned(&nodes, 32).await;
    sink.close();
    for key in KEYS {
        put(&nodes[0], key, 0, 0).await;
        put(&nodes[0], key, 1, 0).await;
        nodes[0].enqueue(Chore { n: key }).await.unwrap();
    }
    // What is on its way to a node when its line breaks comes again when its time is up, and not
    // soon.
    until("all run that can", SOON, || sink.len() == 80).await;
    lines.iter().for_each(|line| line.set(|was| *was = rules));
    sink.open();
    let mut nodes = nodes.into_iter();
    let (a, b) = (nodes.next().unwrap(), nodes.next().unwrap());
    let healing = async {
        sleep(away).await;
        lines.iter().for_each(|line| line.heal());
    };
    let shutting = async {
        let begun = Instant::now();
        a.shutdown().await.unwrap();
        begun.elapsed()
    };
    let (took, ()) = tokio::join!(shutting, healing);
    (took, b)
}

// What has no key is noted as 0.
const KEYS: std::ops::Range<u64> = 1..41;
const DRAIN: Duration = Duration::from_secs(30);

pub async fn a_broker_that_comes_back_hears_of_a_shutdown<C: Cluster>(cluster: C) {
    // For less time than a lease has, and for more.
    for away in [5, 15].map(Duration::from_secs) {
        for rules in [Rules::DOWN, Rules::CUT] {
            let site = Site::new(cluster.again());
            let sink = Sink::default();
            let (took, b) = shut_down_without_a_broker(&site, &sink, rules, away).await;
            assert!(took >= away && took < DRAIN, "{took:?}");
            // At once, and not when the node is dead.
            all_owned(std::slice::from_ref(&b), 32).await;
            until("all ran", SOON, || sink.len() >= 120).await;
            in_order(&sink, KEYS, 2);
            sleep(2 * NODE_TIMEOUT).await;
            assert_eq!(sink.len(), 120, "{rules:?} for {away:?}");
        }
    }
}

pub async fn a_broker_that_stays_away_does_not_hold_up_a_shutdown<C: Cluster>(cluster: C) {
    for rules in [Rules::DOWN, Rules::CUT] {
        let site = Site::new(cluster.again());
        let sink = Sink::default();
        let away = DRAIN + Duration::from_secs(1);
        let (took, b) = shut_down_without_a_broker(&site, &sink, rules, away).await;
        assert!(took <= DRAIN + Duration::from_millis(100), "{took:?}");
        until("all ran", TAKEN_OVER, || {
            KEYS.into_iter().all(|key| sink.of_key(key).len() == 2)
        })
        .await;
        in_order(&sink, KEYS, 2);
        b.shutdown().await.unwrap();
    }
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

pub async fn unkeyed_messages_of_a_dead_node_come_again<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    a.enqueue(Job { n: 1, ms: 100_000 }).await.unwrap();
    until("it runs", SOON, || sink.len() == 1).await;
    site.line("a").cut();
    drop(a);
    let _b = builder(&site, &sink, "b").start().await.unwrap();
    // The broker's own clock hides it, which no test can hurry.
    let hidden = match C::CLOCK {
        Clock::Jumps => Duration::from_secs(90),
        Clock::Fast(speed) => speed * Duration::from_secs(60),
    };
    until("it runs again", hidden, || sink.len() == 2).await;
}

pub async fn unkeyed_messages_of_a_node_that_stops_go_to_another_at_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let a = builder(&site, &sink, "a")
        .max_in_flight(1)
        .drain_timeout(Duration::from_secs(60))
        .start()
        .await
        .unwrap();
    a.enqueue(Job { n: 0, ms: 25_000 }).await.unwrap();
    until("it runs", SOON, || sink.len() == 1).await;
    // There is room for them, and no place to run in.
    for n in 1..7 {
        a.enqueue(Job { n, ms: 0 }).await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    let b = builder(&site, &sink, "b").start().await.unwrap();
    let stops = tokio::spawn(async move { a.shutdown().await });
    until("the rest ran", SOON, || sink.len() == 7).await;
    assert!(!stops.is_finished(), "while the node still stops");
    let by_b = sink.all().iter().filter(|ran| ran.node == "b").count();
    assert_eq!(by_b, 6);
    b.enqueue(Job { n: 7, ms: 0 }).await.unwrap();
    until("what came later ran", SOON, || sink.len() == 8).await;
    stops.await.unwrap().unwrap();
    each_once(&sink, 0..1);
}

pub async fn unkeyed_messages_of_unknown_types_take_no_room<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let knows = |id: &str, jobs: bool| {
        let builder = builder(&site, &sink, id).max_in_flight(1);
        builder.only(move |handler| {
            handler.module() == super::work::MODULE && (handler.message().name() == "Job") == jobs
        })
    };
    let a = knows("a", false).start().await.unwrap();
    let b = knows("b", true).start().await.unwrap();
    // More of them than there is room for on both nodes, and the one that knows them is busy.
    for n in 0..60 {
        b.enqueue(Job { n, ms: 25_000 }).await.unwrap();
    }
    until("the first runs", SOON, || !sink.is_empty()).await;
    sleep(Duration::from_secs(1)).await;
    a.enqueue(Chore { n: 0 }).await.unwrap();
    until("what is known runs", SOON, || {
        !sink.by_handler("chore").is_empty()
    })
    .await;
    assert!(a.dead_letters().await.unwrap().is_empty());
}

pub async fn unkeyed_messages_at_work_stay_where_they_are<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, _b] = nodes(&site, &sink, ["a", "b"]).await;
    a.with(catga::Options::new())
        .enqueue(Job { n: 1, ms: 25_000 })
        .await
        .unwrap();
    sleep(Duration::from_secs(24)).await;
    a.enqueue(Job { n: 2, ms: 0 }).await.unwrap();
    until("both ran", SOON, || sink.len() == 2).await;
    sleep(Duration::from_secs(40)).await;
    assert_eq!(sink.len(), 2, "longer than the visibility, and once");
}

pub async fn a_service_that_is_down_handles_what_came_meanwhile<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    a.shutdown().await.unwrap();
    let line = site.line("client");
    let client = super::builder_on(&line, &sink, "clients", "client")
        .only(|_| false)
        .start()
        .await
        .unwrap();
    for n in 0..10 {
        put(&client, 1, n, 0).await;
        client.enqueue(Job { n, ms: 0 }).await.unwrap();
    }
    assert!(sink.is_empty());
    let _a = builder(&site, &sink, "a").start().await.unwrap();
    until("all ran", TAKEN_OVER, || sink.len() == 20).await;
    in_order(&sink, 1..2, 10);
}

pub async fn a_blocked_key_does_not_hold_up_the_others<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let a = builder(&site, &sink, "a")
        .max_in_flight(4)
        .start()
        .await
        .unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    // With room for 32 payloads: all of them wait behind one that fails.
    let retry = |n| Try::new(1, n, if n == 0 { 3 } else { 0 });
    for stored in a.enqueue_all((0..500).map(retry)).await {
        stored.unwrap();
    }
    for stored in a
        .enqueue_all((0..50).map(|n| Put { key: 2, n, ms: 0 }))
        .await
    {
        stored.unwrap();
    }
    until("the other key ran", SOON, || sink.of_key(2).len() == 50).await;
    until("all ran", TAKEN_OVER, || sink.of_key(1).len() == 500).await;
    in_order(&sink, 1..2, 500);
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
