use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::transport::{Entry, StoredLetter};
use catga::{Headers, MessageId};

use super::entries::{entry, numbers, text};
use super::ground::Ground;
use crate::suite::Cluster;

pub(super) async fn letters<C: Cluster>(ground: &Ground<C>) -> Vec<StoredLetter> {
    let letters = ground.queues().letters(&ground.service, 0, 1_000).await;
    letters.unwrap()
}

fn payloads(letters: &[StoredLetter]) -> Vec<String> {
    let text = |letter: &StoredLetter| text(letter.letter.as_ref().unwrap());
    letters.iter().map(text).collect()
}

/// Writes letters whose payloads are these numbers.
async fn write<C: Cluster>(ground: &Ground<C>, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let id = format!("{}-{number}", MessageId::new());
        let letter = entry(number);
        let buried = ground.queues().bury(&ground.service, &id, &letter, None);
        buried.await.unwrap();
    }
}

pub async fn a_letter_survives_with_everything<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let letter = Entry {
        id: MessageId::new(),
        name: "OrderPlaced".into(),
        source: "größe".into(),
        time: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
        key: Some("a\u{1f}b 🦀".into()),
        content_type: "application/json".into(),
        headers: Headers::from_iter([
            ("catga-error", "it failed:\n  because \"of\" größe\n"),
            ("catga-attempts", "5"),
            ("tenant", ""),
        ]),
        payload: (0..=u8::MAX).collect::<Bytes>(),
    };
    let id = "0190-A-7";
    let buried = ground.queues().bury(&ground.service, id, &letter, None);
    buried.await.unwrap();
    let found = letters(&ground).await.remove(0).letter.unwrap();
    assert_eq!(*found, letter);
}

pub async fn the_same_letter_twice_is_one<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let (letter, id) = (entry(1), MessageId::new().to_string());
    for _ in 0..3 {
        let buried = ground.queues().bury(&ground.service, &id, &letter, None);
        buried.await.unwrap();
    }
    assert_eq!(letters(&ground).await.len(), 1);
    // Another id is another letter, whatever is in it.
    let other = format!("{id}-2");
    let buried = ground.queues().bury(&ground.service, &other, &letter, None);
    buried.await.unwrap();
    assert_eq!(letters(&ground).await.len(), 2);
}

pub async fn letters_belong_to_their_services<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let other: Arc<str> = "other".into();
    ground.queues().provision(&other, 4).await.unwrap();
    // An event may die in each service that takes it.
    let (letter, id) = (entry(1), MessageId::new().to_string());
    for service in [&ground.service, &other] {
        let buried = ground.queues().bury(service, &id, &letter, None);
        buried.await.unwrap();
    }
    let theirs = ground.queues().letters(&other, 0, 10).await.unwrap();
    assert_eq!((letters(&ground).await.len(), theirs.len()), (1, 1));
    let number = theirs[0].number;
    assert!(ground.queues().discard(&other, number).await.unwrap());
    assert_eq!(letters(&ground).await.len(), 1);
}

pub async fn letters_come_page_by_page<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    write(&ground, 10..35).await;
    let (mut after, mut all) = (0, Vec::new());
    for expected in [10, 10, 5, 0] {
        let page = ground.queues().letters(&ground.service, after, 10).await;
        let page = page.unwrap();
        assert_eq!(page.len(), expected);
        for letter in &page {
            assert!(letter.number > after, "they rise");
            after = letter.number;
        }
        all.extend(payloads(&page));
    }
    assert_eq!(all, numbers(10..35));
    let none = ground.queues().letters(&ground.service, u64::MAX, 10).await;
    assert!(none.unwrap().is_empty());
    let none = ground.queues().letters(&ground.service, 0, 0).await;
    assert!(none.unwrap().is_empty());
}

pub async fn a_discarded_letter_is_gone<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    write(&ground, 0..3).await;
    let before = letters(&ground).await;
    let gone = before[1].number;
    assert!(
        ground
            .queues()
            .discard(&ground.service, gone)
            .await
            .unwrap()
    );
    assert!(
        !ground
            .queues()
            .discard(&ground.service, gone)
            .await
            .unwrap()
    );
    let never = ground.queues().discard(&ground.service, 1 << 40).await;
    assert!(!never.unwrap());
    let left = letters(&ground).await;
    assert_eq!(payloads(&left), ["0", "2"]);
    assert_eq!(left[0].number, before[0].number);
    assert_eq!(left[1].number, before[2].number);
    // A number is not used again.
    write(&ground, 3..4).await;
    let newest = letters(&ground).await[2].number;
    assert!(newest > before[2].number);
}
