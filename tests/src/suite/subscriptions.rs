use std::time::Duration;

use catga::cluster::{JoinError, UnsubscribeError};
use catga::node::StartError;
use catga::transport::RecordKey;
use tokio::time::Instant;

use super::Cluster;
use super::site::{NODE_TIMEOUT, SERVICE, Site, client_of, until};
use super::work::{Changed, MODULE, Nearest};
use crate::faulty::{Fault, Rules};

/// A node of another service that takes one of the commands.
fn rival<C: Cluster>(site: &Site<C>, id: &str) -> catga::node::Builder {
    let line = site.line(id);
    let builder = site.builder_on(&line, "other", id);
    builder.only(|handler| handler.module() == MODULE && handler.message().name() == "Nearest")
}

pub async fn a_command_moves_to_another_service_by_an_explicit_call<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let client = client_of(&site, "client").start().await.unwrap();
    site.node("a").await.shutdown().await.unwrap();
    let refused = rival(&site, "x").start().await.unwrap_err();
    assert!(
        matches!(refused, StartError::Join(JoinError::TakenBy { .. })),
        "its nodes are gone and it still takes the command: {refused}"
    );
    assert!(client.unsubscribe(SERVICE, "Nearest").await.unwrap());
    assert!(!client.unsubscribe(SERVICE, "Nearest").await.unwrap());
    assert!(!client.unsubscribe("nobody", "Nearest").await.unwrap());
    let _x = rival(&site, "x").start().await.unwrap();
    assert_eq!(client.send(Nearest { n: 1 }).await.unwrap(), "x");
    let refused = site.builder("a").start().await.unwrap_err();
    let StartError::Join(JoinError::TakenBy { service, .. }) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(service, "other", "it has moved");
}

pub async fn a_subscription_outlives_its_nodes_and_ends_by_an_explicit_call<C: Cluster>(
    cluster: C,
) {
    let site = Site::new(cluster);
    let client = client_of(&site, "client").start().await.unwrap();
    site.node("a").await.shutdown().await.unwrap();
    let takes = async || {
        let record = RecordKey::Service(SERVICE.into());
        let record = site.faults.value(&record).await.unwrap();
        (
            record["types"].get("Changed").is_some(),
            record["partitions"].clone(),
        )
    };
    assert!(takes().await.0);
    assert!(client.unsubscribe(SERVICE, "Changed").await.unwrap());
    assert_eq!(takes().await, (false, 32.into()));
    // It comes back with the handler.
    let a = site.node("a").await;
    assert!(takes().await.0);
    client.broadcast(Changed { n: 1 }).await.unwrap();
    until("it hears", Duration::from_secs(1), || site.log.len() == 1).await;
    drop(a);
}

pub async fn what_a_live_node_handles_is_not_ended<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let client = client_of(&site, "client").start().await.unwrap();
    for node in [&a, &client] {
        let refused = node.unsubscribe(SERVICE, "Nearest").await.unwrap_err();
        let UnsubscribeError::Handled { node, .. } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(node, a.id());
    }
    assert_eq!(client.send(Nearest { n: 1 }).await.unwrap(), "a");
}

pub async fn every_live_node_knows_when_it_is_ended<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let client = client_of(&site, "client").start().await.unwrap();
    let other = site.builder_on(&line, "clients", "b").only(|_| false);
    let _other = other.start().await.unwrap();
    site.node("a").await.shutdown().await.unwrap();
    // It sees everything and says so late.
    let late = Duration::from_secs(2);
    line.set(|rules| rules.writes = Fault::Delay(late));
    let started = Instant::now();
    assert!(client.unsubscribe(SERVICE, "Nearest").await.unwrap());
    assert!(started.elapsed() >= late, "{:?}", started.elapsed());
}

pub async fn ending_it_again_waits_for_everybody_as_well<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let client = client_of(&site, "client").start().await.unwrap();
    let other = site.builder_on(&line, "clients", "b").only(|_| false);
    let other = other.start().await.unwrap();
    site.node("a").await.shutdown().await.unwrap();
    line.set(|rules| rules.watch = Fault::Fail);
    for _ in 0..2 {
        let failed = client.unsubscribe(SERVICE, "Nearest").await;
        let Err(UnsubscribeError::NotSeen { by, .. }) = &failed else {
            panic!("{failed:?}");
        };
        assert_eq!(by, other.id());
    }
    line.heal();
    assert!(!client.unsubscribe(SERVICE, "Nearest").await.unwrap());
}

pub async fn without_the_broker_ending_it_is_an_error_in_time<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("client");
    let client = site.builder_on(&line, "clients", "client").only(|_| false);
    let client = client.start().await.unwrap();
    site.node("a").await.shutdown().await.unwrap();
    for rules in [Rules::CUT, Rules::DOWN] {
        line.set(|now| *now = rules);
        let started = Instant::now();
        let failed = client.unsubscribe(SERVICE, "Nearest").await.unwrap_err();
        assert!(matches!(failed, UnsubscribeError::Transport(_)), "{failed}");
        assert!(started.elapsed() <= 2 * NODE_TIMEOUT);
    }
}

pub async fn what_a_live_node_takes_is_recorded_again<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let _a = site.node("a").await;
    let key = RecordKey::Service(SERVICE.into());
    // Somebody ended it while the node was starting and not to be seen yet.
    let mut record = site.faults.value(&key).await.unwrap();
    record["types"].as_object_mut().unwrap().remove("Nearest");
    site.faults.put(&key, &record).await;
    let started = Instant::now();
    while site.faults.value(&key).await.unwrap()["types"]
        .get("Nearest")
        .is_none()
    {
        assert!(started.elapsed() < Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
