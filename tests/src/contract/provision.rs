use std::sync::Arc;

use catga::transport::{Append, Part};
use futures_util::future::join_all;

use super::entries::{entry, numbers, queue};
use super::ground::{Ground, PARTITIONS};
use crate::suite::Cluster;

pub async fn provisioning_is_idempotent<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let again = ground.queues().provision(&ground.service, PARTITIONS);
    again.await.unwrap();
    let elsewhere = ground.cluster.transport();
    elsewhere.connect().await.unwrap();
    let again = elsewhere.queues().provision(&ground.service, PARTITIONS);
    again.await.unwrap();
}

pub async fn many_may_provision_at_once<C: Cluster>(cluster: C) {
    let nodes: Vec<_> = (0..4).map(|_| cluster.transport()).collect();
    let service = "busy".into();
    let all = nodes
        .iter()
        .flat_map(|node| [node, node])
        .map(async |node| {
            node.connect().await.unwrap();
            node.queues().provision(&service, PARTITIONS).await
        });
    for provisioned in join_all(all).await {
        provisioned.unwrap();
    }
}

pub async fn what_is_stored_stays_when_it_is_provisioned_again<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(3), 0..3).await;
    let mut reader = ground.open("a-1-1", &[3]).await;
    assert_eq!(reader.texts(1).await, numbers(0..1));
    let again = ground.queues().provision(&ground.service, PARTITIONS);
    again.await.unwrap();
    assert_eq!(reader.texts(2).await, numbers(1..3));
    assert!(ground.oldest(3).await.is_some());
}

pub async fn a_provisioned_service_is_empty<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    for partition in 0..PARTITIONS {
        assert_eq!(ground.oldest(partition).await, None);
    }
    let letters = ground.queues().letters(&ground.service, 0, 10).await;
    assert!(letters.unwrap().is_empty());
    let all: Vec<_> = (0..PARTITIONS).collect();
    ground.open("a-1-1", &all).await.nothing().await;
    ground.share("a").await.nothing().await;
}

pub async fn what_nobody_provisioned_has_nothing<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let (queues, nobody) = (ground.queues(), Arc::from("nobody"));
    if let Ok(oldest) = queues.oldest(&nobody, 0).await {
        assert_eq!(oldest, None);
    }
    if let Ok(letters) = queues.letters(&nobody, 0, 10).await {
        assert!(letters.is_empty());
    }
    // It is refused, or it is there once the service is: it is not lost.
    let append = Append {
        number: 1,
        given: false,
        entry: Arc::new(entry(7)),
    };
    let part = queue(&nobody, Part::Partition(0));
    let stored = queues.append(&part, 1, &[append]).await.remove(0).is_ok();
    queues.provision(&nobody, 1).await.unwrap();
    let oldest = queues.oldest(&nobody, 0).await.unwrap();
    assert_eq!(oldest.is_some(), stored);
}

pub async fn what_an_acknowledged_append_is_worth_is_told<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let guarantees = ground.transport.guarantees().await.unwrap();
    assert!(guarantees.replicas >= 1);
    assert!(!guarantees.broker.is_empty());
    assert!(guarantees.to_string().starts_with(&guarantees.broker));
}

pub async fn a_tap_that_nobody_listens_to_is_no_error<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    for topic in [None, Some("orders.eu.placed")] {
        ground.queues().tap(topic, &entry(1)).await.unwrap();
    }
}
