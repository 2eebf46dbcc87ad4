use super::ground::Ground;
use super::reader::Reader;
use crate::suite::Cluster;

fn told<C>(reader: &Reader<C>, partition: u32) -> Option<u64> {
    let received = reader.opened.received.iter();
    received
        .filter(|(told, _)| *told == partition)
        .map(|(_, through)| *through)
        .max()
}

pub async fn it_is_told_how_far_the_destroyed_one_had_read<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..5).await;
    ground.fill(&ground.partition(1), 0..5).await;
    let mut old = ground.open("a-1-1", &[0, 1]).await;
    let received = old.read(10).await;
    // What is acknowledged by now was received all the same.
    let last = |partition| {
        let of_it = received.iter().filter(|r| r.partition == partition);
        of_it.map(|received| received.position.sequence).max()
    };
    let new = ground.open("b-1-1", &[0, 1]).await;
    for partition in [0, 1] {
        assert!(told(&new, partition) >= last(partition));
    }
}

pub async fn nothing_is_told_of_what_nobody_read<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..5).await;
    let first = ground.open("a-1-1", &[0]).await;
    assert_eq!(told(&first, 0), None);
    // One that was closed was not destroyed by this.
    ground.queues().close(&first.generation).await.unwrap();
    let second = ground.open("a-1-2", &[0]).await;
    assert_eq!(told(&second, 0), None);
    let third = ground.open("a-1-3", &[1]).await;
    assert_eq!(told(&third, 1), None);
}

pub async fn it_is_told_what_is_stored<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..5).await;
    let mut reader = ground.open("a-1-1", &[0, 1]).await;
    let stored = |reader: &Reader<C>| {
        let mut stored = reader.opened.stored.iter();
        stored.find(|(partition, _)| *partition == 0).unwrap().1
    };
    let through = stored(&reader);
    ground.fill(&ground.partition(0), 5..6).await;
    let all = reader.read(6).await;
    assert!(all[4].position.sequence <= through);
    assert!(all[5].position.sequence > through);
    // Whoever had read it, or nobody.
    ground.queues().close(&reader.generation).await.unwrap();
    let again = ground.open("a-1-2", &[0]).await;
    assert!(stored(&again) >= all[5].position.sequence);
}

pub async fn what_comes_later_is_not_among_it<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..5).await;
    let mut old = ground.open("a-1-1", &[0]).await;
    old.read(5).await;
    let mut new = ground.open("a-1-2", &[0]).await;
    let through = told(&new, 0).unwrap();
    ground.fill(&ground.partition(0), 5..6).await;
    let all = new.read(6).await;
    assert!(all[4].position.sequence <= through);
    assert!(all[5].position.sequence > through);
}
