use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use catga::Options;
use catga::node::StoreError;
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::site::{NODE_TIMEOUT, Site, client_of, until};
use super::work::{Changed, MODULE};

const A_WHILE: Duration = Duration::from_millis(200);

/// Waits until so much was heard, and a while for what should not be.
async fn heard<C: Cluster>(site: &Site<C>, count: usize) {
    let all = || site.log.len() >= count;
    until("all is heard", NODE_TIMEOUT, all).await;
    sleep(A_WHILE).await;
}

pub async fn a_broadcast_reaches_every_live_node_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, _b, _c] = site.nodes(["a", "b", "c"]).await;
    let line = site.line("x");
    let audit = site.builder_on(&line, "audit", "x");
    let audit = audit.only(|handler| handler.is_broadcast() && handler.module() == MODULE);
    let _x = audit.start().await.unwrap();
    let client = client_of(&site, "client").start().await.unwrap();
    a.broadcast(Changed { n: 1 }).await.unwrap();
    client.broadcast(Changed { n: 2 }).await.unwrap();
    heard(&site, 8).await;
    let expected = ["a", "b", "c", "x"].map(|id| (id.to_owned(), 2));
    assert_eq!(
        site.log.by_node(),
        HashMap::from(expected),
        "the sender included"
    );
    assert_eq!(site.log.by_number(), HashMap::from([(1, 4), (2, 4)]));
}

pub async fn a_node_hears_broadcasts_once_its_start_returned<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let _b = site.node("b").await;
    a.broadcast(Changed { n: 1 }).await.unwrap();
    heard(&site, 2).await;
    assert_eq!(
        site.log.by_node(),
        HashMap::from(["a", "b"].map(|id| (id.to_owned(), 1)))
    );
}

pub async fn a_node_that_left_hears_nothing<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    b.shutdown().await.unwrap();
    a.broadcast(Changed { n: 1 }).await.unwrap();
    heard(&site, 1).await;
    assert_eq!(site.log.all(), [("a".to_owned(), 1)]);
}

pub async fn a_broadcast_without_listeners_is_no_error<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let client = client_of(&site, "client").start().await.unwrap();
    client.broadcast(Changed { n: 1 }).await.unwrap();
    sleep(A_WHILE).await;
    assert!(site.log.is_empty());
}

pub async fn a_broadcast_that_comes_twice_is_heard_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let a = site.node("a").await;
    let _b = site.node_on(&line, "b").await;
    line.set(|rules| rules.frames = crate::faulty::Fault::Twice);
    for n in 0..10 {
        a.broadcast(Changed { n }).await.unwrap();
    }
    heard(&site, 20).await;
    let expected = ["a", "b"].map(|id| (id.to_owned(), 10));
    assert_eq!(site.log.by_node(), HashMap::from(expected));
}

pub async fn a_broadcast_over_a_cut_line_is_an_error_in_time<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    line.cut();
    let options = Options::new().timeout(Duration::from_secs(1));
    let started = Instant::now();
    let error = a.with(options).broadcast(Changed { n: 1 }).await;
    assert!(started.elapsed() <= Duration::from_millis(1_100));
    let error = error.unwrap_err();
    assert!(
        matches!(error, StoreError::NotBroadcast { .. }),
        "{error:?}"
    );
    assert!(!error.is_retryable(), "others may have heard it");
    assert!(error.source().is_some(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("not broadcast"), "{text}");
    assert!(!text.contains("stored"), "it never is: {text}");
}
