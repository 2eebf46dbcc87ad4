//! How a program puts something to the door of a cluster in memory: it appends an entry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::MessageId;
use catga::transport::{Append, DOOR, Entry, Part, Queue};
use catga_tests::contract::{Outside, Post};
use catga_tests::suite::Cluster as _;

use crate::InMemory;

/// The one time that the tests write.
const TIME: (&str, Duration) = (
    "2023-11-14T22:13:20.123Z",
    Duration::from_millis(1_700_000_000_123),
);

impl Outside for InMemory {
    async fn post(&self, post: Post<'_>) -> bool {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let queue = Queue {
            service: DOOR.into(),
            part: Part::Partition(0),
        };
        let append = Append {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            given: false,
            entry: Arc::new(entry(post)),
        };
        let stored = self.transport().queues().append(&queue, 1, &[append]).await;
        stored.into_iter().all(|stored| stored.is_ok())
    }
}

fn entry(post: Post<'_>) -> Entry {
    let mut entry = Entry {
        id: MessageId::new(),
        name: post.name.unwrap_or_default().to_owned().into(),
        source: "".into(),
        time: SystemTime::now(),
        key: None,
        content_type: "application/json".into(),
        headers: catga::Headers::new(),
        payload: Bytes::copy_from_slice(post.data),
    };
    for (name, value) in post.attributes.iter().copied() {
        match name {
            "ce-id" => entry.id = value.parse().unwrap(),
            "ce-source" => entry.source = value.into(),
            "ce-specversion" => {}
            "ce-time" => {
                assert_eq!(value, TIME.0);
                entry.time = SystemTime::UNIX_EPOCH + TIME.1;
            }
            "ce-partitionkey" => entry.key = Some(value.into()),
            "content-type" => entry.content_type = value.to_owned().into(),
            _ => entry.headers.insert(name, value),
        }
    }
    entry
}
