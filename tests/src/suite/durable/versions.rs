//! Nodes of one service that do not handle the same: versions side by side, and senders.

use std::time::Duration;

use catga::Node;
use catga::delivery::Reason;
use tokio::time::sleep;

use super::super::Cluster;
use super::super::site::{NODE_TIMEOUT, Site, all_owned, owned, until};
use super::work::{Ask, Job, Noted, Once, Put, Sink, Try};
use super::{builder, letters, only};

const SOON: Duration = Duration::from_secs(20);
const MOVED: Duration = Duration::from_secs(120);

/// A node of the service with these handlers alone.
async fn version<C: Cluster>(site: &Site<C>, sink: &Sink, id: &str, handlers: &[&str]) -> Node {
    let builder = builder(site, sink, id).drain_timeout(Duration::from_secs(60));
    only(builder, handlers).start().await.unwrap()
}

fn once(key: u64, n: u64) -> Once {
    Once { key, n, fails: 0 }
}

pub async fn who_handles_nothing_that_is_stored_owns_nothing<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    // What it handles stays registered when it has gone.
    version(&site, &sink, "old", &["put", "try_it"])
        .await
        .shutdown()
        .await
        .unwrap();
    let sender = version(&site, &sink, "sender", &[]).await;
    let heard = version(&site, &sink, "heard", &["overhear"]).await;
    let asked = version(&site, &sink, "asked", &["ask"]).await;
    for key in 0..20 {
        let put = Put { key, n: 0, ms: 0 };
        sender.enqueue(put).await.unwrap();
    }
    sleep(3 * NODE_TIMEOUT).await;
    assert_eq!(owned(&[sender.clone(), heard, asked]), [0, 0, 0]);
    let new = version(&site, &sink, "new", &["put"]).await;
    all_owned(std::slice::from_ref(&new), 32).await;
    until("all ran", SOON, || sink.len() == 20).await;
    assert!(sender.dead_letters().await.unwrap().is_empty());
}

pub async fn unkeyed_messages_come_to_the_version_that_knows_them<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let old = version(&site, &sink, "old", &["put", "try_it"]).await;
    let new = version(&site, &sink, "new", &["put", "job"]).await;
    for n in 0..20 {
        old.enqueue(Job { n, ms: 0 }).await.unwrap();
    }
    until("all ran", MOVED, || sink.len() == 20).await;
    assert!(old.dead_letters().await.unwrap().is_empty());
    drop(new);
}

pub async fn versions_side_by_side_handle_all_of_each_key<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let old = version(&site, &sink, "old", &["put", "try_it"]).await;
    let new = version(&site, &sink, "new", &["put", "once"]).await;
    all_owned(&[old.clone(), new.clone()], 32).await;
    for key in 0..20 {
        old.enqueue(Put { key, n: 0, ms: 0 }).await.unwrap();
        old.enqueue(once(key, 1)).await.unwrap();
        old.enqueue(Put { key, n: 2, ms: 0 }).await.unwrap();
        old.enqueue(Try::new(key, 3, 0)).await.unwrap();
        old.enqueue(once(key, 4)).await.unwrap();
        old.enqueue(Put { key, n: 5, ms: 0 }).await.unwrap();
    }
    until("all ran", MOVED, || sink.len() == 20 * 6).await;
    for key in 0..20 {
        assert_eq!(sink.of_key(key), [0, 1, 2, 3, 4, 5], "key {key}");
    }
    assert!(old.dead_letters().await.unwrap().is_empty());
    // A later version that handles everything has everything.
    let all = version(&site, &sink, "all", &["put", "try_it", "once"]).await;
    until("it owns everything", MOVED, || {
        owned(&[old.clone(), new.clone(), all.clone()]) == [0, 0, 32]
    })
    .await;
}

pub async fn what_only_a_leaving_node_handles_is_no_dead_letter<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let old = version(&site, &sink, "old", &["put", "try_it"]).await;
    let new = version(&site, &sink, "new", &["put", "once"]).await;
    all_owned(&[old.clone(), new.clone()], 32).await;
    for key in 100..120 {
        let ms = 40_000;
        old.enqueue(Put { key, n: 0, ms }).await.unwrap();
    }
    until("both are at work", SOON, || sink.len() == 20).await;
    let leaving = tokio::spawn(async move { new.shutdown().await.unwrap() });
    until("it leaves", SOON, || {
        let members = old.members();
        members
            .get("new")
            .is_some_and(catga::cluster::Member::is_draining)
    })
    .await;
    for key in 0..20 {
        old.enqueue(once(key, 1)).await.unwrap();
    }
    sleep(Duration::from_secs(10)).await;
    assert!(old.members().get("new").is_some(), "it lives");
    let letters = old.dead_letters().await.unwrap();
    assert!(letters.is_empty(), "{letters:?}");
    let _next = version(&site, &sink, "next", &["put", "once"]).await;
    until("all ran", MOVED, || sink.by_handler("once").len() == 20).await;
    leaving.await.unwrap();
}

pub async fn an_event_that_a_node_only_overhears_is_not_handled_by_it<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let notes = version(&site, &sink, "notes", &["put", "note"]).await;
    notes.shutdown().await.unwrap();
    let hears = version(&site, &sink, "hears", &["put", "overhear"]).await;
    hears.publish(Noted { key: 1, n: 1 }).await.unwrap();
    let letters = letters(&hears, 1).await;
    assert_eq!(letters[0].reason(), Reason::UnknownType);
    assert!(sink.is_empty());
}

pub async fn a_query_of_a_new_version_moves_nothing_and_has_its_place<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let old = version(&site, &sink, "old", &["put"]).await;
    let new = version(&site, &sink, "new", &["put", "ask"]).await;
    all_owned(&[old.clone(), new.clone()], 32).await;
    for key in 0..20 {
        for node in [&old, &new] {
            assert_eq!(node.send(Ask { key }).await.unwrap(), "new", "key {key}");
        }
    }
    assert_eq!(owned(&[old, new]), [16, 16]);
}
