use catga::MessageId;
use catga::transport::{Received, Release};
use tokio::time::sleep;

use super::entries::{ack, numbers};
use super::ground::Ground;
use super::letters::letters;
use super::reader::Reader;
use super::waits::quiet;
use crate::suite::Cluster;

async fn bury<C: Cluster>(ground: &Ground<C>, reader: &Reader<C>, received: &Received) -> bool {
    let letter = received.entry.as_ref().unwrap();
    let release = Release::Partition(&reader.generation, ack(received));
    let id = letter.id.to_string();
    let buried = ground
        .queues()
        .bury(&ground.service, &id, letter, Some(release));
    buried.await.is_ok()
}

pub async fn a_buried_entry_leaves_its_partition<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..3).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(3).await;
    assert!(bury(&ground, &reader, &received[1]).await);
    let found = letters(&ground).await;
    assert_eq!(found[0].letter, received[1].entry, "it is there by now");
    ground.gone(&[&received[1]]).await;
    let mut again = ground.open("a-1-2", &[0]).await;
    assert_eq!(again.texts(2).await, numbers([0, 2]));
}

pub async fn a_buried_entry_leaves_the_shared_queue<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.shared(), 0..2).await;
    let mut a = ground.share("a").await;
    let taken = a.read(2).await;
    let (dead, lives) = (&taken[0], &taken[1]);
    let letter = dead.entry.as_ref().unwrap();
    let id = MessageId::new().to_string();
    let release = Release::Shared(dead.ticket.clone());
    let buried = ground
        .queues()
        .bury(&ground.service, &id, letter, Some(release));
    buried.await.unwrap();
    assert_eq!(letters(&ground).await[0].letter, dead.entry);
    let back = [lives.ticket.clone(), dead.ticket.clone()];
    let back = ground.queues().give_back(&ground.service, &back).await;
    // That one of them is gone is no reason to keep the other.
    back.unwrap();
    let mut b = ground.share("b").await;
    assert_eq!(b.read(1).await[0].entry, lives.entry);
    b.nothing().await;
}

pub async fn burying_it_twice_is_one_letter_and_frees_it<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..1).await;
    let mut old = ground.open("a-1-1", &[0]).await;
    let received = old.read(1).await;
    // The owner died between the letter and the release.
    let letter = received[0].entry.as_ref().unwrap();
    let id = letter.id.to_string();
    let written = ground.queues().bury(&ground.service, &id, letter, None);
    written.await.unwrap();
    let mut new = ground.open("b-1-1", &[0]).await;
    let received = new.read(1).await;
    assert!(bury(&ground, &new, &received[0]).await);
    ground.gone(&[&received[0]]).await;
    assert_eq!(letters(&ground).await.len(), 1);
}

pub async fn an_old_generation_frees_nothing<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    ground.fill(&ground.partition(0), 0..2).await;
    let mut old = ground.open("a-1-1", &[0]).await;
    let received = old.read(2).await;
    let mut new = ground.open("b-1-1", &[0]).await;
    // Its letter may be there, which the next owner's has the id of.
    let _ = bury(&ground, &old, &received[0]).await;
    sleep(quiet::<C>()).await;
    assert_eq!(ground.oldest(0).await, Some(received[0].position.sequence));
    assert_eq!(new.texts(2).await, numbers(0..2));
    // Neither does it once the new one has them.
    let _ = bury(&ground, &old, &received[1]).await;
    sleep(quiet::<C>()).await;
    let positions = [received[0].position, received[1].position];
    let found = ground.fetch(0, &positions).await;
    assert!(found.iter().all(Option::is_some), "{found:?}");
}
