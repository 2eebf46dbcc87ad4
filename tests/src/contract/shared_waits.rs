//! What comes to a consumer that waits. A broker's clock cannot be moved, so that nobody waits there
//! until an entry is visible again.

use std::time::{Duration, Instant};

use catga::transport::VISIBILITY;
use tokio::time::{sleep, timeout};

use super::entries::{numbers, sorted};
use super::ground::Ground;
use super::shared::tickets;
use super::waits::patience;
use crate::suite::{Clock, Cluster};

const MOMENT: Duration = Duration::from_secs(1);

pub async fn a_consumer_that_waits_gets_what_is_appended<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut consumer = ground.share("a").await;
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let append = async {
            sleep(Duration::from_millis(20)).await;
            ground.fill(&ground.shared(), [round]).await;
            Instant::now()
        };
        let (stored, came) = tokio::join!(append, consumer.read(1));
        assert_eq!(sorted(&came), numbers([round]));
        slowest = slowest.max(stored.elapsed());
        let settled = tickets(&came);
        let settled = ground.queues().settle(&ground.service, &settled).await;
        settled.unwrap();
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

pub async fn what_a_dead_consumer_had_comes_again<C: Cluster>(cluster: C) {
    if C::CLOCK != Clock::Jumps {
        return;
    }
    let ground = Ground::new(cluster).await;
    let mut waits = ground.share("b").await;
    ground.fill(&ground.shared(), 0..3).await;
    let mut dies = ground.share("a").await;
    let taken = dies.read(3).await;
    drop(dies);
    let begun = tokio::time::Instant::now();
    // It waits already when the entries become visible.
    let again = timeout(VISIBILITY + MOMENT, waits.intake.next(10)).await;
    let again = again.expect("they come again").unwrap();
    assert!(
        begun.elapsed() >= VISIBILITY - MOMENT,
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(sorted(&again), sorted(&taken));
    assert!(again.iter().all(|one| one.taken == 2));
}

pub async fn what_is_extended_stays_hidden<C: Cluster>(cluster: C) {
    if C::CLOCK != Clock::Jumps {
        return;
    }
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.shared(), 0..2).await;
    let mut a = ground.share("a").await;
    let taken = a.read(2).await;
    let mut b = ground.share("b").await;
    sleep(VISIBILITY - MOMENT).await;
    let slow = tickets(&taken[..1]);
    let extended = ground.queues().extend(&ground.service, &slow).await;
    extended.unwrap();
    sleep(2 * MOMENT).await;
    let came = b.read(1).await;
    assert_eq!(sorted(&came), sorted(&taken[1..]), "the other one alone");
    let settled = tickets(&came);
    let settled = ground.queues().settle(&ground.service, &settled).await;
    settled.unwrap();
    assert!(
        timeout(VISIBILITY - 4 * MOMENT, b.intake.next(10))
            .await
            .is_err()
    );
    let late = timeout(5 * MOMENT, b.intake.next(10))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(sorted(&late), sorted(&taken[..1]));
}

pub async fn what_is_settled_late_does_not_come_again<C: Cluster>(cluster: C) {
    if C::CLOCK != Clock::Jumps {
        return;
    }
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.shared(), 0..1).await;
    let mut a = ground.share("a").await;
    let taken = a.read(1).await;
    sleep(VISIBILITY + MOMENT).await;
    let settled = tickets(&taken);
    let settled = ground.queues().settle(&ground.service, &settled).await;
    settled.unwrap();
    assert!(timeout(3 * VISIBILITY, a.intake.next(10)).await.is_err());
}

pub async fn what_a_closed_consumer_had_asked_for_is_given_back<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut closed = 0;
    for round in 0..5 {
        let mut a = ground.share("a").await;
        a.nothing().await;
        // It asked for this, and does not wait for it any more.
        ground.fill(&ground.shared(), [round]).await;
        let left = a.intake.close().await;
        closed += left.len();
        let left = tickets(&left);
        let back = ground.queues().give_back(&ground.service, &left);
        back.await.unwrap();
        // Long before it would be visible again.
        let mut b = ground.share("b").await;
        let came = b.read(1).await;
        assert_eq!(sorted(&came), numbers([round]));
        let settled = tickets(&came);
        let settled = ground.queues().settle(&ground.service, &settled).await;
        settled.unwrap();
        assert!(b.intake.close().await.is_empty());
    }
    // In memory nothing is asked for in advance. Elsewhere it may come after the close, and then
    // nobody has it: what counts is that another one reads it at once in any case.
    assert!(closed > 0 || C::CLOCK == Clock::Jumps, "{closed}");
}

pub async fn a_dropped_read_of_a_consumer_loses_nothing<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let mut consumer = ground.share("a").await;
    // It is dropped while nothing is there, so that nothing can have been taken.
    for turn in 0..20 {
        let brief = Duration::from_micros(turn * 300);
        assert!(timeout(brief, consumer.intake.next(10)).await.is_err());
    }
    ground.fill(&ground.shared(), 0..5).await;
    let mut all = Vec::new();
    // What a dropped read had asked for may still be on its way to nobody.
    let read = async {
        while all.len() < 5 {
            all.extend(consumer.intake.next(10).await.unwrap());
        }
    };
    let longest = match C::CLOCK {
        Clock::Jumps => 2 * VISIBILITY,
        // Here the broker's own clock counts.
        Clock::Fast(speed) => patience::<C>() + 2 * VISIBILITY * speed,
    };
    timeout(longest, read).await.expect("all come");
    assert_eq!(sorted(&all), numbers(0..5));
}
