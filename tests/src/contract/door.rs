use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catga::MessageId;
use catga::transport::{DOOR, Queues, Received, Release, Transport};

use super::entries::{ack, entry};
use super::reader::Reader;
use super::waits::patiently;
use super::{Outside, Post};

/// The door, and a reader of it.
struct Door<C> {
    cluster: C,
    transport: Arc<dyn Transport>,
    service: Arc<str>,
}

impl<C: Outside> Door<C> {
    async fn new(cluster: C) -> Self {
        let transport = cluster.transport();
        transport.connect().await.unwrap();
        let service = DOOR.into();
        transport.queues().provision(&service, 1).await.unwrap();
        Self {
            cluster,
            transport,
            service,
        }
    }

    fn queues(&self) -> &dyn Queues {
        self.transport.queues()
    }

    async fn post(&self, name: &str, attributes: &[(&str, &str)], data: &[u8]) {
        let post = Post {
            name: Some(name),
            attributes,
            data,
        };
        assert!(self.cluster.post(post).await);
    }

    async fn open(&self, name: &str) -> Reader<C> {
        Reader::open(&self.transport, &self.service, name, &[0]).await
    }

    async fn gone(&self, received: &Received) {
        let position = [received.position];
        patiently::<C>("it leaves the door", async || {
            let found = self.queues().fetch(&self.service, 0, &position);
            found.await.unwrap()[0].is_none().then_some(())
        })
        .await;
    }
}

pub async fn what_is_left_out_gets_a_default<C: Outside>(cluster: C) {
    let door = Door::new(cluster).await;
    let day = Duration::from_secs(86_400);
    let before = SystemTime::now() - day;
    door.post("OrderPlaced", &[], br#"{"order_id":"7"}"#).await;
    let received = door.open("a-1-1").await.read(1).await.remove(0);
    let entry = received.entry.unwrap();
    assert_eq!(entry.name, "OrderPlaced");
    assert_eq!(&*entry.source, "");
    assert_eq!(entry.content_type, "application/json");
    assert_eq!(entry.key, None);
    assert_eq!(&entry.payload[..], br#"{"order_id":"7"}"#);
    // By the broker's clock, which may be wrong.
    assert!(entry.time > before && entry.time < before + 2 * day);
}

pub async fn what_is_said_is_kept<C: Outside>(cluster: C) {
    let door = Door::new(cluster).await;
    let id = MessageId::new();
    let attributes = [
        ("ce-id", &*id.to_string()),
        ("ce-source", "elsewhere"),
        ("ce-specversion", "1.0"),
        ("ce-time", "2023-11-14T22:13:20.123Z"),
        ("ce-partitionkey", "order-7"),
        ("content-type", "application/msgpack"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("tenant", "acme"),
    ];
    door.post("OrderPlaced", &attributes, &[0x81, 0xA1]).await;
    let received = door.open("a-1-1").await.read(1).await.remove(0);
    let entry = received.entry.unwrap();
    assert_eq!(entry.id, id);
    assert_eq!(entry.name, "OrderPlaced");
    assert_eq!(&*entry.source, "elsewhere");
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    assert_eq!(entry.time, time);
    assert_eq!(entry.key.as_deref(), Some("order-7"));
    assert_eq!(entry.content_type, "application/msgpack");
    assert_eq!(entry.headers.get("tenant"), Some("acme"));
    assert!(entry.headers.get("traceparent").is_some());
    assert_eq!(&entry.payload[..], [0x81, 0xA1]);
}

pub async fn ids_follow_from_the_place<C: Outside>(cluster: C) {
    let door = Door::new(cluster).await;
    for _ in 0..3 {
        door.post("OrderPlaced", &[], b"{}").await;
    }
    let ids = |received: &[Received]| -> Vec<_> {
        let id = |received: &Received| received.entry.as_ref().unwrap().id;
        received.iter().map(id).collect()
    };
    let mut reader = door.open("a-1-1").await;
    let received = reader.read(3).await;
    let first = ids(&received);
    assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
    // Who reads it again gives it the same id, so that it is not stored twice.
    let mut again = door.open("b-1-1").await;
    assert_eq!(ids(&again.read(3).await), first);
    let positions: Vec<_> = received.iter().map(|one| one.position).collect();
    let fetched = door.queues().fetch(&door.service, 0, &positions).await;
    let fetched = fetched.unwrap().into_iter();
    let fetched: Vec<_> = fetched.map(|found| found.unwrap().unwrap().id).collect();
    assert_eq!(fetched, first);
}

pub async fn what_has_no_type_is_malformed_and_can_be_buried<C: Outside>(cluster: C) {
    let door = Door::new(cluster).await;
    let nothing = Post {
        name: None,
        attributes: &[("tenant", "acme")],
        data: b"what is this",
    };
    if !door.cluster.post(nothing).await {
        return;
    }
    door.post("OrderPlaced", &[], b"{}").await;
    let mut reader = door.open("a-1-1").await;
    let received = reader.read(2).await;
    let malformed = received[0].entry.as_ref().unwrap_err();
    assert!(!malformed.error.is_empty());
    assert_eq!(&malformed.payload[..], b"what is this");
    assert_eq!(malformed.headers.get("tenant"), Some("acme"));
    assert!(received[1].entry.is_ok(), "those behind it are not held up");
    let letter = entry("what is this");
    let release = Release::Partition(&reader.generation, ack(&received[0]));
    let id = letter.id.to_string();
    let buried = door
        .queues()
        .bury(&door.service, &id, &letter, Some(release));
    buried.await.unwrap();
    door.gone(&received[0]).await;
    let letters = door.queues().letters(&door.service, 0, 10).await;
    assert_eq!(letters.unwrap().len(), 1);
    let acks = [ack(&received[1])];
    door.queues().ack(&reader.generation, &acks).await.unwrap();
    door.gone(&received[1]).await;
}
