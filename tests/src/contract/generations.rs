use std::time::Duration;

use catga::transport::Taken;
use tokio::time::{sleep, timeout};

use super::entries::{ack, numbers, texts};
use super::ground::{Ground, PARTITIONS};
use super::reader::Reader;
use super::waits::{patience, quiet};
use crate::suite::Cluster;

pub async fn a_new_generation_gets_exactly_what_is_not_acknowledged<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..10).await;
    let mut old = ground.open("a-1-1", &[0]).await;
    let received = old.read(7).await;
    let handled = [&received[0], &received[2], &received[3], &received[6]];
    ground.ack(&old, &handled).await;
    let mut new = ground.open("a-1-2", &[0]).await;
    assert_eq!(new.texts(6).await, numbers([1, 4, 5, 7, 8, 9]));
    new.nothing().await;
}

pub async fn what_an_old_generation_acknowledges_has_no_effect<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..3).await;
    let mut old = ground.open("a-1-1", &[0]).await;
    let received = old.read(3).await;
    let mut new = ground.open("b-1-1", &[0]).await;
    let acks: Vec<_> = received.iter().map(ack).collect();
    // It should fail; that it has no effect is what counts.
    let _ = ground.queues().ack(&old.generation, &acks).await;
    assert_eq!(new.texts(3).await, numbers(0..3));
    let _ = ground.queues().ack(&old.generation, &acks).await;
    sleep(quiet::<C>()).await;
    assert_eq!(ground.oldest(0).await, Some(received[0].position.sequence));
    let mut newest = ground.open("b-1-2", &[0]).await;
    assert_eq!(newest.texts(3).await, numbers(0..3));
}

pub async fn what_a_closed_generation_acknowledges_has_no_effect<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..2).await;
    let mut old = ground.open("a-1-1", &[0]).await;
    let received = old.read(2).await;
    ground.queues().close(&old.generation).await.unwrap();
    let acks: Vec<_> = received.iter().map(ack).collect();
    let _ = ground.queues().ack(&old.generation, &acks).await;
    sleep(quiet::<C>()).await;
    let mut new = ground.open("a-1-2", &[0]).await;
    assert_eq!(new.texts(2).await, numbers(0..2));
}

pub async fn a_read_of_a_destroyed_generation_ends<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..5).await;
    let mut closed = ground.open("a-1-1", &[0]).await;
    closed.read(2).await;
    ground.queues().close(&closed.generation).await.unwrap();
    closed.ends().await;
    let mut old = ground.open("a-1-2", &[0]).await;
    let _new = ground.open("a-1-3", &[0]).await;
    old.ends().await;
}

pub async fn a_read_that_waits_ends_with_its_generation_and_swallows_nothing<C: Cluster>(
    cluster: C,
) {
    let ground = Ground::new(cluster).await;
    let mut old: Reader<C> = ground.open("a-1-1", &[0, 1]).await;
    let mut intake = old.opened.intake;
    let waits = tokio::spawn(async move {
        let mut seen = 0;
        while let Some(taken) = intake.next(100).await {
            if let Taken::Entries(entries) = taken {
                seen += entries.len();
            }
        }
        seen
    });
    sleep(quiet::<C>()).await;
    old = ground.open("a-1-2", &[0]).await;
    ground.fill(&ground.partition(0), 0..5).await;
    ground.fill(&ground.partition(1), 0..5).await;
    assert_eq!(old.texts(5).await, numbers(0..5));
    let ended = timeout(patience::<C>(), waits).await;
    let seen = ended.expect("it ends").unwrap();
    assert_eq!(seen, 0, "nothing comes to a destroyed generation");
    let mut other = ground.open("a-1-3", &[1]).await;
    assert_eq!(other.texts(5).await, numbers(0..5));
}

pub async fn another_connection_destroys_it_as_well<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..4).await;
    let mut old = ground.open("a-1-1", &[0]).await;
    let received = old.read(2).await;
    ground.ack(&old, &[&received[0]]).await;
    let elsewhere = ground.cluster.transport();
    elsewhere.connect().await.unwrap();
    let mut new = Reader::<C>::open(&elsewhere, &ground.service, "b-1-1", &[0]).await;
    let _ = (ground.queues())
        .ack(&old.generation, &[ack(&received[1])])
        .await;
    assert_eq!(new.texts(3).await, numbers(1..4));
    old.ends().await;
    new.nothing().await;
}

pub async fn closing_is_idempotent<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let reader = ground.open("a-1-1", &[0]).await;
    for _ in 0..2 {
        ground.queues().close(&reader.generation).await.unwrap();
    }
    let mut never = reader.generation.clone();
    "a-1-9".clone_into(&mut never.name);
    ground.queues().close(&never).await.unwrap();
}

pub async fn the_identity_of_the_queues_is_stable<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let first = ground.open("a-1-1", &[0]).await.opened.stream;
    ground.fill(&ground.partition(0), 0..4).await;
    let again = ground.queues().provision(&ground.service, PARTITIONS);
    again.await.unwrap();
    let elsewhere = ground.cluster.transport();
    elsewhere.connect().await.unwrap();
    let mut reader = Reader::<C>::open(&elsewhere, &ground.service, "b-1-1", &[0, 1]).await;
    assert_eq!(reader.opened.stream, first);
    let all = reader.read(4).await;
    ground.ack(&reader, &all.iter().collect::<Vec<_>>()).await;
    // An empty queue goes on where it was.
    ground.fill(&ground.partition(0), 4..5).await;
    let next = reader.read(1).await;
    assert!(next[0].position.sequence > all[3].position.sequence);
    assert_eq!(ground.open("a-1-2", &[0]).await.opened.stream, first);
}

pub async fn reopening_again_and_again_loses_nothing<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut handled = Vec::new();
    for round in 0..10 {
        let first = round * 20;
        ground.fill(&ground.partition(5), first..first + 20).await;
        let mut reader = ground.open(&format!("a-1-{round}"), &[5]).await;
        // Half of what is there, so that each round leaves something behind.
        let left = 20 + (round as usize * 20) - handled.len();
        let received = reader.read(left / 2).await;
        handled.extend(texts(&received));
        ground
            .ack(&reader, &received.iter().collect::<Vec<_>>())
            .await;
        sleep(Duration::from_millis(1)).await;
    }
    let mut last = ground.open("a-1-99", &[5]).await;
    handled.extend(last.texts(200 - handled.len()).await);
    assert_eq!(handled, numbers(0..200));
    last.nothing().await;
}
