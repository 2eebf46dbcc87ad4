use std::collections::HashSet;
use std::sync::Arc;

use catga::transport::{Appended, Part, Shared, Ticket};

use super::entries::{appended, entry, numbers, queue, sorted};
use super::ground::{Ground, WRITER};
use crate::suite::Cluster;

pub(super) fn tickets<'a>(shared: impl IntoIterator<Item = &'a Shared>) -> Vec<Ticket> {
    shared.into_iter().map(|one| one.ticket.clone()).collect()
}

pub async fn each_entry_goes_to_one_consumer<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.shared(), 10..40).await;
    let (mut a, mut b) = (ground.share("a").await, ground.share("b").await);
    let mut all = a.read(10).await;
    all.extend(b.read(10).await);
    all.extend(a.read(10).await);
    assert_eq!(sorted(&all), numbers(10..40));
    assert!(all.iter().all(|one| one.taken == 1));
    let places: HashSet<_> = all.iter().map(|one| one.ticket.position).collect();
    assert_eq!(places.len(), 30);
    a.nothing().await;
    b.nothing().await;
}

pub async fn what_is_settled_does_not_come_again<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.shared(), 0..6).await;
    let mut a = ground.share("a").await;
    let taken = a.read(6).await;
    let settled = tickets(&taken[..4]);
    // Settling again harms nothing.
    for _ in 0..2 {
        let settle = ground.queues().settle(&ground.service, &settled);
        settle.await.unwrap();
    }
    let rest = tickets(&taken[4..]);
    let back = ground.queues().give_back(&ground.service, &rest);
    back.await.unwrap();
    let mut b = ground.share("b").await;
    let again = b.read(2).await;
    assert_eq!(sorted(&again), sorted(&taken[4..]));
    b.nothing().await;
}

pub async fn what_is_given_back_comes_to_another_at_once<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.shared(), 0..1).await;
    let mut a = ground.share("a").await;
    let taken = a.read(1).await;
    let mut b = ground.share("b").await;
    b.nothing().await;
    let give_back = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let back = tickets(&taken);
        let back = ground.queues().give_back(&ground.service, &back).await;
        back.unwrap();
        std::time::Instant::now()
    };
    let (given, again) = tokio::join!(give_back, b.read(1));
    assert!(
        given.elapsed() < std::time::Duration::from_secs(3),
        "at once"
    );
    assert_eq!(sorted(&again), numbers(0..1));
    assert_eq!(again[0].ticket.position, taken[0].ticket.position);
    assert_eq!(again[0].taken, 2);
    let settled = tickets(&again);
    let settled = ground.queues().settle(&ground.service, &settled).await;
    settled.unwrap();
}

pub async fn no_more_comes_than_there_is_room_for<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.shared(), 0..20).await;
    let (mut a, mut b) = (ground.share("a").await, ground.share("b").await);
    // What `a` has no room for is not kept from `b`.
    let mut all = a.read(3).await;
    all.extend(b.read(17).await);
    let mut expected = numbers(0..20);
    expected.sort();
    assert_eq!(sorted(&all), expected);
}

pub async fn the_shared_queue_and_the_partitions_are_apart<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut reader = ground.open("a-1-1", &[0, 1]).await;
    let mut consumer = ground.share("a").await;
    ground.fill(&ground.shared(), 1..3).await;
    ground.fill(&ground.partition(0), 3..5).await;
    assert_eq!(reader.texts(2).await, numbers(3..5));
    assert_eq!(sorted(&consumer.read(2).await), numbers(1..3));
    reader.nothing().await;
    consumer.nothing().await;
}

pub async fn shared_queues_belong_to_their_services<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let other: Arc<str> = "other".into();
    ground.queues().provision(&other, 8).await.unwrap();
    let append = [ground.new_append(&entry(7), false)];
    let queue = queue(&other, Part::Shared);
    let stored = ground.queues().append(&queue, WRITER, &append).await;
    assert_eq!(appended(stored), [Appended::New]);
    ground.share("a").await.nothing().await;
    let mut theirs = ground.queues().share(&other, "a").await.unwrap();
    assert_eq!(sorted(&theirs.next(5).await.unwrap()), numbers([7]));
}
