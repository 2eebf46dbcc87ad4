use catga::transport::{Appended, Entry, Queue};

use super::entries::{appended, entry};
use super::ground::{Ground, WRITER};
use crate::suite::Cluster;

async fn give<C: Cluster>(ground: &Ground<C>, queue: &Queue, entry: &Entry) -> Appended {
    let append = [ground.new_append(entry, true)];
    let stored = ground.queues().append(queue, WRITER, &append).await;
    appended(stored)[0]
}

pub async fn a_given_id_is_stored_once<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    for queue in [ground.partition(0), ground.shared()] {
        let entry = entry(1);
        assert_eq!(give(&ground, &queue, &entry).await, Appended::New);
        assert_eq!(give(&ground, &queue, &entry).await, Appended::Repeated);
    }
    let mut reader = ground.open("a-1-1", &[0]).await;
    reader.read(1).await;
    reader.nothing().await;
}

pub async fn a_given_id_is_stored_once_whoever_appends_it<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let (queue, entry) = (ground.partition(0), entry(1));
    assert_eq!(give(&ground, &queue, &entry).await, Appended::New);
    let elsewhere = ground.cluster.transport();
    elsewhere.connect().await.unwrap();
    let append = [ground.new_append(&entry, true)];
    let stored = elsewhere.queues().append(&queue, 99, &append).await;
    assert_eq!(appended(stored), [Appended::Repeated]);
}

pub async fn a_given_id_is_stored_once_within_a_batch<C: Cluster>(cluster: C) {
    use Appended::{New, Repeated};
    let ground = Ground::new(cluster).await;
    let (queue, twice, other) = (ground.partition(0), entry(1), entry(2));
    let batch = [&twice, &other, &twice].map(|entry| ground.new_append(entry, true));
    let stored = ground.queues().append(&queue, WRITER, &batch).await;
    assert_eq!(appended(stored), [New, New, Repeated]);
    let mut reader = ground.open("a-1-1", &[0]).await;
    assert_eq!(reader.texts(2).await, ["1", "2"]);
    reader.nothing().await;
}

pub async fn a_given_id_is_another_with_another_name<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let queue = ground.partition(0);
    let one = entry(1);
    let mut other = one.clone();
    other.name = "Other".into();
    assert_eq!(give(&ground, &queue, &one).await, Appended::New);
    assert_eq!(give(&ground, &queue, &other).await, Appended::New);
    assert_eq!(give(&ground, &queue, &other).await, Appended::Repeated);
}

pub async fn a_given_id_is_another_in_each_replay<C: Cluster>(cluster: C) {
    use Appended::{New, Repeated};
    let ground = Ground::new(cluster).await;
    for queue in [ground.partition(0), ground.shared()] {
        let first = entry(1);
        let replay = |letter: &str| {
            let mut replay = first.clone();
            replay.headers.insert("catga-replay", letter);
            replay
        };
        assert_eq!(give(&ground, &queue, &first).await, New);
        for letter in ["1", "2", "door-1"] {
            assert_eq!(give(&ground, &queue, &replay(letter)).await, New);
            assert_eq!(give(&ground, &queue, &replay(letter)).await, Repeated);
        }
        assert_eq!(give(&ground, &queue, &first).await, Repeated);
    }
    // The same of what was first appended with an id from chance.
    let (queue, mut other) = (ground.partition(0), entry(2));
    ground.store(&queue, std::slice::from_ref(&other)).await;
    other.headers.insert("catga-replay", "1");
    assert_eq!(give(&ground, &queue, &other).await, New);
    assert_eq!(give(&ground, &queue, &other).await, Repeated);
}

pub async fn a_given_id_is_another_in_another_queue<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let entry = entry(1);
    for queue in [ground.partition(0), ground.partition(1), ground.shared()] {
        assert_eq!(give(&ground, &queue, &entry).await, Appended::New);
    }
}

pub async fn a_given_id_is_known_although_it_was_handled<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let (queue, entry) = (ground.partition(0), entry(1));
    assert_eq!(give(&ground, &queue, &entry).await, Appended::New);
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(1).await;
    ground.ack(&reader, &[&received[0]]).await;
    assert_eq!(give(&ground, &queue, &entry).await, Appended::Repeated);
    reader.nothing().await;
}

pub async fn an_id_from_chance_is_known_when_it_is_given_later<C: Cluster>(cluster: C) {
    let ground = Ground::new(cluster).await;
    let (queue, entry) = (ground.partition(0), entry(1));
    // A publish that failed for another service is repeated with the id that its error told.
    ground.store(&queue, std::slice::from_ref(&entry)).await;
    assert_eq!(give(&ground, &queue, &entry).await, Appended::Repeated);
}
