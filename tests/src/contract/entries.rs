use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::transport::{Ack, AppendError, Appended, Entry, Part, Queue, Received, Shared};
use catga::{Headers, MessageId};

pub(super) fn queue(service: &Arc<str>, part: Part) -> Queue {
    let service = Arc::clone(service);
    Queue { service, part }
}

/// An entry whose payload is this.
pub(super) fn entry(payload: impl Display) -> Entry {
    Entry {
        id: MessageId::new(),
        name: "Ordered".into(),
        source: "tests".into(),
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        key: Some("key".into()),
        content_type: "application/json".into(),
        headers: Headers::new(),
        payload: Bytes::from(payload.to_string()),
    }
}

pub(super) fn text(entry: &Entry) -> String {
    String::from_utf8(entry.payload.to_vec()).unwrap()
}

pub(super) fn texts<'a>(received: impl IntoIterator<Item = &'a Received>) -> Vec<String> {
    let text = |received: &Received| text(received.entry.as_ref().unwrap());
    received.into_iter().map(text).collect()
}

/// The payloads of what a consumer took, sorted: a shared queue has no order.
pub(super) fn sorted<'a>(shared: impl IntoIterator<Item = &'a Shared>) -> Vec<String> {
    let text = |shared: &Shared| text(shared.entry.as_ref().unwrap());
    let mut all: Vec<_> = shared.into_iter().map(text).collect();
    all.sort();
    all
}

pub(super) fn numbers(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|number| number.to_string())
        .collect()
}

pub(super) fn ack(received: &Received) -> Ack {
    Ack {
        partition: received.partition,
        position: received.position,
        number: received.number,
    }
}

pub(super) fn appended(answers: Vec<Result<Appended, AppendError>>) -> Vec<Appended> {
    answers.into_iter().map(Result::unwrap).collect()
}
