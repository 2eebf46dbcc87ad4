//! What a node that is shut down leaves, and what a service that is down finds.

use std::time::Duration;

use catga::Node;
use tokio::time::{Instant, sleep};

use super::super::Cluster;
use super::super::site::{NODE_TIMEOUT, Site, all_owned, until};
use super::work::{Chore, Job, Sink};
use super::{builder, each_once, in_order, nodes, put};
use crate::faulty::Rules;

const SOON: Duration = Duration::from_secs(20);
const TAKEN_OVER: Duration = Duration::from_secs(60);

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

// What has no key is noted as 0.
const KEYS: std::ops::Range<u64> = 1..41;

const DRAIN: Duration = Duration::from_secs(30);

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
