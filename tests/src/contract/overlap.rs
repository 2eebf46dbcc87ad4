use std::sync::Arc;

use catga::transport::{Appended, Generation, Part, Taken};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::entries::{appended, entry, numbers, queue, texts};
use super::ground::{Ground, WRITER};
use super::reader::Reader;
use super::waits::quiet;
use crate::suite::Cluster;

pub async fn one_common_partition_destroys_a_generation<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut old = ground.open("a-1-1", &[0, 1, 2]).await;
    let mut new = ground.open("b-1-1", &[2, 3]).await;
    ground.fill(&ground.partition(0), 0..2).await;
    ground.fill(&ground.partition(2), 2..4).await;
    assert!(old.ends().await.is_empty(), "nothing comes to it");
    assert_eq!(new.texts(2).await, numbers(2..4));
    new.nothing().await;
}

pub async fn what_the_destroyed_one_read_besides_is_kept<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..4).await;
    let mut old = ground.open("a-1-1", &[0, 1]).await;
    let received = old.read(3).await;
    ground.ack(&old, &[&received[1]]).await;
    let _other = ground.open("b-1-1", &[1]).await;
    let mut again = ground.open("a-1-2", &[0]).await;
    assert_eq!(again.texts(3).await, numbers([0, 2, 3]));
}

pub async fn disjoint_generations_live_side_by_side<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut evens = ground.open("a-1-1", &[0, 2, 4, 6]).await;
    let mut odds = ground.open("b-1-1", &[1, 3, 5, 7]).await;
    for partition in 0..8 {
        ground.fill(&ground.partition(partition), [partition]).await;
    }
    let mut of_a = evens.read(4).await;
    let mut of_b = odds.read(4).await;
    for (received, expected) in [(&mut of_a, [0, 2, 4, 6]), (&mut of_b, [1, 3, 5, 7])] {
        received.sort_by_key(|received| received.partition);
        assert_eq!(texts(&*received), numbers(expected));
    }
    ground.ack(&evens, &[&of_a[0]]).await;
    ground.ack(&odds, &[&of_b[0]]).await;
    evens.nothing().await;
    odds.nothing().await;
}

pub async fn services_do_not_touch_each_other<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let other: Arc<str> = "other".into();
    ground.queues().provision(&other, 8).await.unwrap();
    let mut here = ground.open("a-1-1", &[0]).await;
    let mut there = Reader::<C>::open(&ground.transport, &other, "a-1-1", &[0]).await;
    ground.fill(&ground.partition(0), 0..2).await;
    let append = [ground.new_append(&entry(7), false)];
    let queue = queue(&other, Part::Partition(0));
    let stored = ground.queues().append(&queue, WRITER, &append).await;
    assert_eq!(appended(stored), [Appended::New]);
    assert_eq!(here.texts(2).await, numbers(0..2));
    assert_eq!(there.texts(1).await, numbers([7]));
    ground.queues().close(&there.generation).await.unwrap();
    here.nothing().await;
}

pub async fn of_many_at_once_one_is_left<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..3).await;
    let connections: Vec<_> = (0..4).map(|_| ground.cluster.transport()).collect();
    let opens = connections
        .iter()
        .enumerate()
        .map(async |(at, connection)| {
            connection.connect().await.unwrap();
            let generation = Generation {
                service: Arc::clone(&ground.service),
                name: format!("n{at}-1-1"),
            };
            // Whoever lost the race may have been told so.
            connection.queues().open(&generation, &[0]).await.ok()
        });
    let opened: Vec<_> = join_all(opens).await.into_iter().flatten().collect();
    let reads = opened.into_iter().map(async |mut opened| {
        // Those that were destroyed end; the last one waits for more.
        let mut seen = 0;
        let until = Instant::now() + quiet::<C>() * 5;
        loop {
            match timeout_at(until, opened.intake.next(10)).await {
                Ok(Some(Taken::Entries(entries))) => seen += entries.len(),
                Ok(Some(Taken::Idle { .. })) => {}
                Ok(None) => return None,
                Err(_) => return Some(seen),
            }
        }
    });
    let alive: Vec<_> = join_all(reads).await.into_iter().flatten().collect();
    assert!(alive.len() <= 1, "{alive:?}");
    assert!(alive.iter().all(|seen| *seen == 3), "{alive:?}");
    let mut last = ground.open("z-1-1", &[0]).await;
    assert_eq!(last.texts(3).await, numbers(0..3));
}
