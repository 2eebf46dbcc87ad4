use std::collections::HashMap;
use std::time::Duration;

use tokio::time::sleep;

use super::Cluster;
use super::site::{Site, client_of};
use super::work::{Changed, MODULE};

const A_WHILE: Duration = Duration::from_millis(200);

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
    sleep(A_WHILE).await;
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
    sleep(A_WHILE).await;
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
    sleep(A_WHILE).await;
    assert_eq!(site.log.all(), [("a".to_owned(), 1)]);
}

pub async fn a_broadcast_without_listeners_is_no_error<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let client = client_of(&site, "client").start().await.unwrap();
    client.broadcast(Changed { n: 1 }).await.unwrap();
    sleep(A_WHILE).await;
    assert!(site.log.is_empty());
}
