use catga::transport::Received;

use super::entries::{ack, numbers};
use super::ground::Ground;
use super::waits::{patiently, quiet};
use crate::suite::Cluster;

fn all(received: &[Received]) -> Vec<&Received> {
    received.iter().collect()
}

pub async fn what_is_acknowledged_leaves_its_queue<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..3).await;
    ground.fill(&ground.partition(1), 0..3).await;
    let mut reader = ground.open("a-1-1", &[0, 1]).await;
    let received = reader.read(6).await;
    ground.ack(&reader, &all(&received)).await;
    ground.empty(0).await;
    ground.empty(1).await;
    let mut again = ground.open("a-1-2", &[0, 1]).await;
    again.nothing().await;
}

pub async fn what_is_acknowledged_out_of_order_leaves_the_rest<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..6).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(6).await;
    ground.ack(&reader, &[&received[5], &received[2]]).await;
    assert_eq!(ground.oldest(0).await, Some(received[0].position.sequence));
    ground.ack(&reader, &[&received[0]]).await;
    let mut again = ground.open("a-1-2", &[0]).await;
    assert_eq!(again.texts(3).await, numbers([1, 3, 4]));
    again.nothing().await;
}

pub async fn acknowledging_twice_harms_nothing<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..3).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(3).await;
    ground.ack(&reader, &[&received[0]]).await;
    ground.ack(&reader, &[&received[0], &received[1]]).await;
    assert_eq!(ground.oldest(0).await, Some(received[2].position.sequence));
    reader.nothing().await;
}

pub async fn many_are_acknowledged_at_once<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    for partition in 0..4 {
        ground.fill(&ground.partition(partition), 0..500).await;
    }
    let mut reader = ground.open("a-1-1", &[0, 1, 2, 3]).await;
    let acks: Vec<_> = reader.read(2_000).await.iter().map(ack).collect();
    let acked = ground.queues().ack(&reader.generation, &acks).await;
    acked.unwrap();
    for partition in 0..4 {
        ground.empty(partition).await;
    }
}

pub async fn the_oldest_moves_as_entries_leave<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..4).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(4).await;
    for pair in received.windows(2) {
        assert_eq!(ground.oldest(0).await, Some(pair[0].position.sequence));
        ground.ack(&reader, &[&pair[0]]).await;
        let next = Some(pair[1].position.sequence);
        patiently::<C>("the next one is the oldest", async || {
            (ground.oldest(0).await == next).then_some(())
        })
        .await;
    }
}

pub async fn what_was_not_received_is_not_acknowledged<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..2).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(2).await;
    // Another generation's place, and a generation that was never there.
    let mut never = reader.generation.clone();
    "a-1-9".clone_into(&mut never.name);
    let _ = ground.queues().ack(&never, &[ack(&received[0])]).await;
    tokio::time::sleep(quiet::<C>()).await;
    assert_eq!(ground.oldest(0).await, Some(received[0].position.sequence));
    let mut again = ground.open("a-1-2", &[0]).await;
    assert_eq!(again.texts(2).await, numbers(0..2));
}
