//! Nodes of one service that start at the same time, one of them in vain.

use std::time::Duration;

use catga::cluster::JoinError;
use catga::node::{Phase, StartError};
use catga::transport::{Memory, RecordKey};
use catga_tests::faulty::Fault;
use catga_tests::suite::Cluster as _;
use catga_tests::suite::durable::work::{Happened, Put, Sink};
use catga_tests::suite::durable::{builder, builder_on, node_on_line, only};
use catga_tests::suite::site::{HEARTBEAT, NODE_TIMEOUT, Site, client_of};
use tokio::time::{Instant, sleep};

use crate::InMemory;

const MOMENT: Duration = Duration::from_millis(100);

/// Two programs of a new service are started at once under one name. The one that came first to the
/// record of the service comes second to the name, and takes the record away with it.
#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_start_leaves_the_service_to_those_that_do() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (x, y) = (site.line("x"), site.line("y"));
    x.set(|rules| rules.writes = Fault::Delay(MOMENT));
    let slow = tokio::spawn(builder_on(&x, &sink, "shop", "a").start());
    sleep(MOMENT * 3 / 2).await;
    let node = builder_on(&y, &sink, "shop", "a").start().await.unwrap();
    let refused = slow.await.unwrap().unwrap_err();
    assert!(
        matches!(refused, StartError::Join(JoinError::IdTaken { .. })),
        "{refused}"
    );
    sleep(20 * HEARTBEAT).await;
    let service = RecordKey::Service("shop".into());
    let record = site.faults.value(&service).await;
    let stored = node
        .enqueue(Put {
            key: 1,
            n: 0,
            ms: 0,
        })
        .await;
    assert!(stored.is_ok() && record.is_some(), "{stored:?} {record:?}");
}

/// The same with names of their own: the first cannot open its inbox.
#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_open_its_inbox_leaves_the_service_to_the_other() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let x = site.line("x");
    x.set(|rules| rules.inbox = Fault::Hang);
    let slow = tokio::spawn(builder_on(&x, &sink, "shop", "x").start());
    sleep(MOMENT).await;
    let node = builder(&site, &sink, "y").start().await.unwrap();
    let client = client_of(&site, "client").start().await.unwrap();
    client
        .enqueue(Put {
            key: 1,
            n: 0,
            ms: 0,
        })
        .await
        .unwrap();
    slow.await.unwrap().unwrap_err();
    sleep(20 * HEARTBEAT).await;
    let stored = client
        .enqueue(Put {
            key: 1,
            n: 1,
            ms: 0,
        })
        .await;
    let published = client
        .publish(Happened {
            key: 1,
            n: 0,
            fails: 0,
        })
        .await
        .unwrap();
    assert_eq!(node.phase(), Phase::Running);
    assert!(
        stored.is_ok() && published.services().count() == 1,
        "{stored:?} {published:?}"
    );
}

/// The same where the service was there before: it is only for a moment, but what is published then
/// is lost to it.
#[tokio::test(start_paused = true)]
async fn a_subscription_lasts_though_another_node_does_not_start() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let client = client_of(&site, "client").start().await.unwrap();
    let _old = only(builder(&site, &sink, "old"), &["put"])
        .start()
        .await
        .unwrap();
    let (x, y) = (site.line("x"), site.line("y"));
    x.set(|rules| rules.writes = Fault::Delay(MOMENT));
    let slow = tokio::spawn(builder_on(&x, &sink, "shop", "a").start());
    sleep(MOMENT * 3 / 2).await;
    let _new = builder_on(&y, &sink, "shop", "a").start().await.unwrap();
    // A broker that is not next door.
    y.set(|rules| rules.writes = Fault::Delay(MOMENT));
    let happened = |n| Happened {
        key: 1,
        n,
        fails: 0,
    };
    let mut unheard = Vec::new();
    for n in 0..100 {
        let published = client.publish(happened(n)).await.unwrap();
        if published.services().count() == 0 {
            unheard.push(n);
        }
        sleep(MOMENT / 10).await;
    }
    slow.await.unwrap().unwrap_err();
    assert_eq!(unheard, [0; 0], "published after the start returned");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_says_nothing_new_wakes_nobody() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let _a = builder(&site, &sink, "a").start().await.unwrap();
    // Until nothing moves any more.
    sleep(10 * HEARTBEAT).await;
    let by_a = || site.faults.writes(|name, _| name == "a");
    let (before, begun) = (by_a(), Instant::now());
    let mut nodes = Vec::new();
    for id in ["b", "c", "d", "e"] {
        // It handles less than the other, and owns nothing.
        let node = only(builder(&site, &sink, id), &["put"]).start();
        nodes.push(node.await.unwrap());
    }
    assert!(begun.elapsed() < HEARTBEAT, "{:?}", begun.elapsed());
    assert!(by_a() <= before + 1, "its own heartbeat");
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_got_no_answer_is_tried_again() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (_a, line) = node_on_line(&site, &sink).await;
    let service = RecordKey::Service("shop".into());
    let past = site.cluster.transport();
    line.set(|rules| rules.writes = Fault::Hang);
    let found = past.records().read(&service).await.unwrap().record.unwrap();
    let removed = past.records().remove(&service, found.revision).await;
    removed.unwrap();
    // Longer than it waits for an answer, and not as long as its lease.
    sleep(NODE_TIMEOUT / 2).await;
    line.heal();
    sleep(3 * HEARTBEAT).await;
    assert!(site.faults.value(&service).await.is_some());
}
