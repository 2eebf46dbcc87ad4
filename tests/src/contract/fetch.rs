use catga::transport::Position;

use super::entries::numbers;
use super::ground::Ground;
use crate::suite::Cluster;

pub async fn what_is_stored_is_found_again<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..50).await;
    ground.fill(&ground.partition(1), 50..60).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(50).await;
    let at = |n: usize| received[n].position;
    let found = ground.fetch(0, &[at(49), at(0), at(7), at(7)]).await;
    let found: Vec<_> = found.into_iter().map(Option::unwrap).collect();
    assert_eq!(
        found,
        numbers([49, 0, 7, 7]),
        "in the order of the question"
    );
    assert!(ground.fetch(0, &[]).await.is_empty());
    // Whoever reads the partition may have changed.
    let elsewhere = ground.open("b-1-1", &[0]).await;
    assert_eq!(ground.fetch(0, &[at(3)]).await[0].as_deref(), Some("3"));
    ground.queues().close(&elsewhere.generation).await.unwrap();
    assert_eq!(ground.fetch(0, &[at(4)]).await[0].as_deref(), Some("4"));
}

pub async fn what_is_acknowledged_is_not_found<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..3).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(3).await;
    ground.ack(&reader, &[&received[1]]).await;
    let positions: Vec<_> = received.iter().map(|one| one.position).collect();
    let found = ground.fetch(0, &positions).await;
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    assert_eq!(found, [Some("0"), None, Some("2")]);
}

pub async fn another_entry_at_the_same_place_is_not_found<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..1).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let Position { sequence, stored } = reader.read(1).await[0].position;
    let others = [
        Position {
            sequence,
            stored: stored ^ 1,
        },
        Position {
            sequence: sequence + 1_000,
            stored,
        },
    ];
    assert_eq!(ground.fetch(0, &others).await, [None, None]);
}

pub async fn a_fetch_takes_nothing_from_the_reader<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..5).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let first = reader.read(1).await;
    for _ in 0..3 {
        let found = ground.fetch(0, &[first[0].position]).await;
        assert_eq!(found[0].as_deref(), Some("0"));
    }
    assert_eq!(reader.texts(4).await, numbers(1..5));
    reader.nothing().await;
}
