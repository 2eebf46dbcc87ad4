use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::transport::Entry;
use catga::{Headers, MessageId};

use super::ground::Ground;
use crate::suite::Cluster;

fn full() -> Entry {
    Entry {
        id: MessageId::new(),
        name: "orders.OrderPlaced".into(),
        source: "shop".into(),
        time: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
        key: Some("order-7".into()),
        content_type: "application/json".into(),
        headers: Headers::from_iter([
            (
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ),
            ("tracestate", "a=1,b=2"),
            ("catga-attempt", "3"),
            ("Tenant", "acme"),
        ]),
        payload: Bytes::from_static(br#"{"order_id":"7"}"#),
    }
}

/// Stores an entry in a partition and in the shared queue, and wants it back from both.
async fn survives<C: Cluster>(ground: &Ground<C>, entry: &Entry) {
    let entries = std::slice::from_ref(entry);
    ground.store(&ground.partition(0), entries).await;
    ground.store(&ground.shared(), entries).await;
    let mut reader = ground.open("a-1-1", &[0]).await;
    let received = reader.read(1).await.remove(0);
    assert_eq!(*received.entry.unwrap(), *entry);
    let at = [received.position];
    let fetched = ground.queues().fetch(&ground.service, 0, &at);
    let fetched = fetched.await.unwrap().remove(0).unwrap();
    assert_eq!(*fetched.unwrap(), *entry);
    let taken = ground.share("a").await.read(1).await.remove(0);
    assert_eq!(*taken.entry.unwrap(), *entry);
}

pub async fn every_attribute_of_an_entry_survives<C: Cluster>(cluster: C) {
    survives(&Ground::new(cluster).await, &full()).await;
}

pub async fn every_character_survives<C: Cluster>(cluster: C) {
    let mut entry = full();
    entry.key = Some("Zürich\u{1f}a\\\u{1f}b 🦀\u{0}".into());
    entry.name = "größe.注文".into();
    entry.content_type = "text/x-ünïcode; charset=\"utf-8\"".into();
    entry.headers = Headers::from_iter([
        ("größe", "注文 🦀"),
        ("lines", "a\r\nb: c\n\n"),
        ("percent", "%41 \"quoted\""),
        ("blank", "  around  "),
        ("empty", ""),
        ("Nats-Msg-Id", "a user's own"),
    ]);
    survives(&Ground::new(cluster).await, &entry).await;
}

pub async fn an_entry_without_key_and_headers_survives<C: Cluster>(cluster: C) {
    let mut entry = full();
    entry.key = None;
    entry.headers = Headers::new();
    entry.payload = Bytes::new();
    survives(&Ground::new(cluster).await, &entry).await;
}

pub async fn every_byte_of_a_payload_survives<C: Cluster>(cluster: C) {
    let mut entry = full();
    entry.payload = (0..=u8::MAX).cycle().take(1_000).collect();
    survives(&Ground::new(cluster).await, &entry).await;
}

pub async fn a_large_payload_survives<C: Cluster>(cluster: C) {
    let mut entry = full();
    entry.payload = (0..=u8::MAX).cycle().take(700_000).collect();
    survives(&Ground::new(cluster).await, &entry).await;
}
