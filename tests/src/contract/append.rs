use std::sync::Arc;

use bytes::Bytes;
use catga::transport::{Append, AppendError, Appended, Entry};
use futures_util::future::join_all;

use super::entries::{appended, entry, numbers, texts};
use super::ground::{Ground, WRITER};
use crate::suite::Cluster;

/// More than any broker takes unless it is set up for it.
const TOO_LARGE: usize = 9 << 20;

fn append(number: u64, entry: &Entry) -> Append {
    Append {
        number,
        given: false,
        entry: Arc::new(entry.clone()),
    }
}

pub async fn entries_come_in_the_order_they_were_appended<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    for batch in 0..5 {
        for partition in [1, 4] {
            let numbers = batch * 100..batch * 100 + 100;
            ground.fill(&ground.partition(partition), numbers).await;
        }
    }
    let mut reader = ground.open("a-1-1", &[1, 4]).await;
    let all = reader.read(1_000).await;
    for partition in [1, 4] {
        let of_it = all
            .iter()
            .filter(|received| received.partition == partition);
        assert_eq!(texts(of_it), numbers(0..500));
    }
}

pub async fn positions_rise_from_one<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..20).await;
    ground.fill(&ground.partition(1), 0..20).await;
    ground.fill(&ground.partition(0), 20..40).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let all = reader.read(40).await;
    assert!(all[0].position.sequence >= 1);
    for pair in all.windows(2) {
        assert!(pair[0].position.sequence < pair[1].position.sequence);
    }
}

pub async fn a_number_that_was_stored_is_not_stored_again<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let (queue, entry) = (ground.partition(0), entry(7));
    for expected in [Appended::New, Appended::Repeated, Appended::Repeated] {
        let append = [append(5, &entry)];
        let stored = ground.queues().append(&queue, WRITER, &append).await;
        assert_eq!(appended(stored), [expected]);
    }
    let mut reader = ground.open("a-1-1", &[0]).await;
    reader.read(1).await;
    reader.nothing().await;
}

pub async fn a_batch_that_was_stored_in_part_is_completed<C: Cluster>(cluster: C) {
    use Appended::{New, Repeated};
    let ground = Ground::new(cluster).await;
    let queue = ground.partition(0);
    let all: Vec<_> = (1..=5).map(|n| append(n, &entry(n))).collect();
    let first = ground.queues().append(&queue, WRITER, &all[..3]).await;
    assert_eq!(appended(first), [New, New, New]);
    let again = ground.queues().append(&queue, WRITER, &all).await;
    assert_eq!(appended(again), [Repeated, Repeated, Repeated, New, New]);
    let mut reader = ground.open("a-1-1", &[0]).await;
    assert_eq!(reader.texts(5).await, numbers(1..6));
    reader.nothing().await;
}

pub async fn numbers_are_counted_for_each_writer<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let queue = ground.partition(0);
    for writer in [1, 2, u64::MAX] {
        let append = [append(1, &entry(1))];
        let stored = ground.queues().append(&queue, writer, &append).await;
        assert_eq!(appended(stored), [Appended::New]);
    }
    let mut reader = ground.open("a-1-1", &[0]).await;
    reader.read(3).await;
}

pub async fn numbers_are_counted_for_each_queue<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    for queue in [ground.partition(0), ground.partition(1), ground.shared()] {
        let append = [append(1, &entry(1))];
        let stored = ground.queues().append(&queue, WRITER, &append).await;
        assert_eq!(appended(stored), [Appended::New]);
    }
}

pub async fn writers_at_once_keep_their_own_order<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let queue = ground.partition(2);
    let connections: Vec<_> = (0..4).map(|_| ground.cluster.transport()).collect();
    let writers = connections
        .iter()
        .zip(1_u64..)
        .map(async |(connection, writer)| {
            connection.connect().await.unwrap();
            for first in (0..100).step_by(10) {
                let batch: Vec<_> = (first..first + 10)
                    .map(|n| append(n + 1, &entry(format!("{writer} {n}"))))
                    .collect();
                let stored = connection.queues().append(&queue, writer, &batch).await;
                assert_eq!(appended(stored), [Appended::New; 10]);
            }
        });
    join_all(writers).await;
    let mut reader = ground.open("a-1-1", &[2]).await;
    let all = texts(&reader.read(400).await);
    for writer in 1..=4 {
        let start = format!("{writer} ");
        let own: Vec<_> = (all.iter())
            .filter_map(|text| text.strip_prefix(&start))
            .map(str::to_owned)
            .collect();
        assert_eq!(own, numbers(0..100));
    }
    reader.nothing().await;
}

pub async fn an_entry_that_is_too_large_harms_no_other<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let queue = ground.partition(0);
    let mut large = entry("");
    large.payload = Bytes::from(vec![b'x'; TOO_LARGE]);
    let batch = [
        append(1, &entry(1)),
        append(2, &large),
        append(3, &entry(3)),
    ];
    let mut stored = ground.queues().append(&queue, WRITER, &batch).await;
    assert!(matches!(stored[0], Ok(Appended::New)), "{stored:?}");
    assert!(matches!(stored[2], Ok(Appended::New)), "{stored:?}");
    let mut reader = ground.open("a-1-1", &[0]).await;
    match stored.remove(1) {
        // This broker takes it.
        Ok(Appended::New) => assert_eq!(texts(&reader.read(3).await)[1].len(), TOO_LARGE),
        Err(AppendError::TooLarge { size, limit }) => {
            assert!(size >= TOO_LARGE && limit < size, "{size} {limit}");
            assert_eq!(reader.texts(2).await, ["1", "3"]);
            reader.nothing().await;
        }
        other => panic!("{other:?}"),
    }
}
