//! Messages without a key come and go with the nodes that take them.

use std::time::Duration;

use catga::transport::VISIBILITY;
use tokio::time::sleep;

use super::super::site::{Site, until};
use super::super::{Clock, Cluster};
use super::work::{Chore, Job, Sink};
use super::{builder, each_once, nodes};

const SOON: Duration = Duration::from_secs(20);

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
    let work = 2 * VISIBILITY + VISIBILITY / 2;
    let ms = u64::try_from(work.as_millis()).unwrap();
    a.enqueue(Job { n: 1, ms }).await.unwrap();
    until("it runs", SOON, || sink.len() == 1).await;
    sleep(work + 2 * VISIBILITY).await;
    assert_eq!(sink.len(), 1, "longer than the visibility, and once");
    assert!(a.dead_letters().await.unwrap().is_empty());
}
