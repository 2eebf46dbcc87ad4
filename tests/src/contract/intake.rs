use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::entries::{numbers, texts};
use super::ground::{Ground, PARTITIONS};
use super::waits::patience;
use crate::suite::Cluster;

pub async fn numbers_have_no_gaps<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut reader = ground.open("a-1-1", &[0, 1, 2]).await;
    for round in 0..5 {
        for partition in 0..3 {
            let first = round * 10;
            ground
                .fill(&ground.partition(partition), first..first + 10)
                .await;
        }
        // The reader checks them.
        let received = reader.read(30).await;
        ground.ack(&reader, &[&received[7], &received[21]]).await;
    }
    let mut again = ground.open("a-1-2", &[0, 1, 2]).await;
    let received = again.read(140).await;
    assert_eq!(received[0].number, 1, "each generation counts for itself");
}

pub async fn no_more_comes_than_there_is_room_for<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..30).await;
    ground.fill(&ground.partition(1), 0..30).await;
    let mut reader = ground.open("a-1-1", &[0, 1]).await;
    let mut seen = 0;
    while seen < 60 {
        let room = 1 + seen % 4;
        let next = timeout(patience::<C>(), reader.opened.intake.next(room)).await;
        let next = next.expect("more comes").expect("it is alive");
        seen += reader.checked(room, next).len();
    }
    reader.nothing().await;
}

pub async fn a_dropped_read_loses_nothing<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let mut all = Vec::new();
    let reads = async {
        let mut turn = 0;
        while all.len() < 200 {
            turn = (turn + 7) % 40;
            let brief = Duration::from_micros(turn * 500);
            if let Ok(next) = timeout(brief, reader.opened.intake.next(9)).await {
                all.extend(reader.checked(9, next.expect("it is alive")));
            }
        }
    };
    let appends = async {
        for first in (0..200).step_by(10) {
            ground.fill(&ground.partition(0), first..first + 10).await;
            sleep(Duration::from_millis(3)).await;
        }
    };
    let both = async { tokio::join!(reads, appends) };
    timeout(patience::<C>(), both).await.expect("all come");
    assert_eq!(texts(&all), numbers(0..200));
}

pub async fn many_partitions_come_through_one_intake<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let again = ground.queues().provision(&ground.service, PARTITIONS);
    again.await.unwrap();
    let all: Vec<_> = (0..PARTITIONS).collect();
    let mut reader = ground.open("a-1-1", &all).await;
    for round in 0..4 {
        for partition in &all {
            let numbers = round * 25..round * 25 + 25;
            ground.fill(&ground.partition(*partition), numbers).await;
        }
    }
    let received = reader.read(100 * all.len()).await;
    for partition in all {
        let of_it = received.iter().filter(|one| one.partition == partition);
        assert_eq!(texts(of_it), numbers(0..100));
    }
}

pub async fn what_is_appended_while_a_read_waits_comes_promptly<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut reader = ground.open("a-1-1", &[0, 1]).await;
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let partition = ground.partition(round % 2);
        let append = async {
            sleep(Duration::from_millis(20)).await;
            ground.fill(&partition, [round]).await;
            std::time::Instant::now()
        };
        let (stored, came) = tokio::join!(append, reader.texts(1));
        assert_eq!(came, numbers([round]));
        slowest = slowest.max(stored.elapsed());
    }
    // By the wall's clock, on a busy machine: no broker is asked again and again.
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

pub async fn a_full_partition_does_not_keep_the_others_waiting_for_ever<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..300).await;
    ground.fill(&ground.partition(1), 0..3).await;
    let mut reader = ground.open("a-1-1", &[0, 1]).await;
    let mut received = Vec::new();
    for _ in 0..101 {
        received.extend(reader.read(3).await);
    }
    let others = received.iter().filter(|one| one.partition == 1);
    assert_eq!(texts(others), numbers(0..3));
}
