use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::{Instant, advance};

use crate::message::{Headers, MessageId};
use crate::transport::{
    Ack, Acked, Append, AppendError, Appended, DOOR, Entry, GIVE_BACK_DELAY, Generation, Memory,
    Opened, Part, Queue, Queues, Received, Release, Taken, Transport,
};

const WRITER: u64 = 7;

fn entry(name: &'static str) -> Entry {
    Entry {
        id: MessageId::new(),
        name: name.into(),
        source: "tests".into(),
        time: SystemTime::now(),
        key: Some("k".into()),
        content_type: "application/json".into(),
        headers: Headers::from_iter([("tenant", "acme")]),
        payload: Bytes::from_static(b"{}"),
    }
}

fn append(number: u64, given: bool, entry: &Entry) -> Append {
    Append {
        number,
        given,
        entry: Arc::new(entry.clone()),
    }
}

fn queue(part: Part) -> Queue {
    let service = "shop".into();
    Queue { service, part }
}

fn generation(name: &str) -> Generation {
    Generation {
        service: "shop".into(),
        name: name.to_owned(),
    }
}

async fn provisioned(memory: &Memory) -> &dyn Queues {
    let queues = memory.queues();
    queues.provision(&"shop".into(), 4).await.unwrap();
    queues
}

/// Stores one after another in partition 0.
async fn store(queues: &dyn Queues, numbers: std::ops::RangeInclusive<u64>) {
    let entries: Vec<_> = numbers
        .map(|number| append(number, false, &entry("E")))
        .collect();
    for stored in queues
        .append(&queue(Part::Partition(0)), WRITER, &entries)
        .await
    {
        assert_eq!(stored.unwrap(), Appended::New);
    }
}

async fn take(opened: &mut Opened, room: usize) -> Vec<Received> {
    match opened.intake.next(room).await {
        Some(Taken::Entries(entries)) => entries,
        other => panic!("{other:?}"),
    }
}

fn ack(received: &Received) -> Ack {
    Ack {
        partition: received.partition,
        position: received.position,
        number: received.number,
    }
}

#[tokio::test]
async fn a_full_queue_refuses_until_something_left_it() {
    let memory = Memory::private().with_capacity(2);
    let queues = provisioned(&memory).await;
    for part in [Part::Partition(0), Part::Shared] {
        let entries: Vec<_> = (1..=3).map(|n| append(n, false, &entry("E"))).collect();
        let stored = queues.append(&queue(part), WRITER, &entries).await;
        assert!(matches!(
            stored[..],
            [Ok(Appended::New), Ok(Appended::New), Err(AppendError::Full)]
        ));
    }
    let mut opened = queues.open(&generation("a"), &[0]).await.unwrap();
    let first = take(&mut opened, 1).await;
    let acked = queues.ack(&generation("a"), &[ack(&first[0])]).await;
    assert_eq!(acked.unwrap(), Acked::Done);
    // What was refused is new.
    store(queues, 3..=3).await;
}

#[tokio::test]
async fn a_number_behind_one_that_was_refused_does_not_make_it_look_stored() {
    let memory = Memory::private().with_capacity(1);
    let queues = provisioned(&memory).await;
    let queue = queue(Part::Partition(0));
    let known = entry("E");
    let first = [append(1, true, &known)];
    queues.append(&queue, WRITER, &first).await;
    let more = [append(2, false, &entry("E")), append(3, true, &known)];
    let stored = queues.append(&queue, WRITER, &more).await;
    assert!(matches!(
        stored[..],
        [Err(AppendError::Full), Ok(Appended::Repeated)]
    ));
    let stored = queues.append(&queue, WRITER, &more[..1]).await;
    assert!(matches!(stored[..], [Err(AppendError::Full)]));
}

#[tokio::test(start_paused = true)]
async fn an_id_is_known_for_two_minutes() {
    let memory = Memory::private();
    let queues = provisioned(&memory).await;
    let queue = queue(Part::Partition(0));
    // Its publisher repeats by hand what it had from chance at first.
    let known = entry("E");
    queues
        .append(&queue, WRITER, &[append(1, false, &known)])
        .await;
    advance(Duration::from_secs(120)).await;
    let again = queues
        .append(&queue, WRITER, &[append(2, true, &known)])
        .await;
    assert!(matches!(again[..], [Ok(Appended::Repeated)]));
    advance(Duration::from_secs(1)).await;
    let again = queues
        .append(&queue, WRITER, &[append(3, true, &known)])
        .await;
    assert!(matches!(again[..], [Ok(Appended::New)]));
}

#[tokio::test(start_paused = true)]
async fn what_a_consumer_gave_back_is_left_to_others_for_a_while() {
    let memory = Memory::private();
    let queues = provisioned(&memory).await;
    let entries = [append(1, false, &entry("E"))];
    queues.append(&queue(Part::Shared), WRITER, &entries).await;
    let service = "shop".into();
    let mut consumer = queues.share(&service, "a").await.unwrap();
    let taken = consumer.next(1).await.unwrap();
    let given = Instant::now();
    let tickets = [taken[0].ticket.clone()];
    queues.give_back(&service, &tickets).await.unwrap();
    consumer.next(1).await.unwrap();
    let left = given.elapsed();
    assert!(
        (GIVE_BACK_DELAY..2 * GIVE_BACK_DELAY).contains(&left),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_new_generation_gets_what_is_not_acknowledged_and_the_old_one_does_nothing() {
    let memory = Memory::private();
    let queues = provisioned(&memory).await;
    store(queues, 1..=5).await;
    let (old, new) = (generation("a-1-1"), generation("a-1-2"));
    let mut first = queues.open(&old, &[0, 1]).await.unwrap();
    let received = take(&mut first, 3).await;
    queues.ack(&old, &[ack(&received[1])]).await.unwrap();
    let mut second = queues.open(&new, &[0]).await.unwrap();
    assert_eq!(second.received, [(0, 3), (1, 0)]);
    assert_eq!(second.stream, first.stream);
    queues.ack(&old, &[ack(&received[0])]).await.unwrap_err();
    assert!(first.intake.next(1).await.is_none());
    let got = take(&mut second, 100).await;
    let places: Vec<_> = got
        .iter()
        .map(|got| (got.position.sequence, got.number))
        .collect();
    assert_eq!(places, [(1, 1), (3, 2), (4, 3), (5, 4)]);
    assert_eq!(queues.oldest(&"shop".into(), 0).await.unwrap(), Some(1));
}

#[tokio::test]
async fn one_entry_that_stays_does_not_keep_the_room_of_others() {
    let memory = Memory::private().with_capacity(1_000);
    let queues = provisioned(&memory).await;
    let reader = generation("a");
    let mut opened = queues.open(&reader, &[0]).await.unwrap();
    store(queues, 1..=1).await;
    let stays = take(&mut opened, 1).await;
    for round in 0..20 {
        store(queues, round * 900 + 2..=round * 900 + 901).await;
        let acks: Vec<_> = take(&mut opened, 900).await.iter().map(ack).collect();
        assert_eq!(acks.len(), 900);
        queues.ack(&reader, &acks).await.unwrap();
    }
    let service = "shop".into();
    assert_eq!(queues.oldest(&service, 0).await.unwrap(), Some(1));
    let positions = [stays[0].position, position_of(2)];
    let found = queues.fetch(&service, 0, &positions).await.unwrap();
    assert!(found[0].is_some() && found[1].is_none());
}

fn position_of(sequence: u64) -> crate::transport::Position {
    let stored = 0;
    crate::transport::Position { sequence, stored }
}

#[tokio::test]
async fn an_entry_without_a_type_is_malformed_and_can_be_buried() {
    let memory = Memory::private();
    let queues = memory.queues();
    let door = Queue {
        service: DOOR.into(),
        part: Part::Partition(0),
    };
    queues
        .append(&door, WRITER, &[append(1, false, &entry(""))])
        .await;
    let reader = Generation {
        service: DOOR.into(),
        name: "a".to_owned(),
    };
    let mut opened = queues.open(&reader, &[0]).await.unwrap();
    let received = take(&mut opened, 10).await;
    let malformed = received[0].entry.as_ref().unwrap_err();
    assert_eq!(malformed.headers.get("tenant"), Some("acme"));
    assert_eq!(malformed.headers.get("ce-type"), None);
    let release = Release::Partition(&reader, ack(&received[0]));
    let service = DOOR.into();
    let buried = queues
        .bury(&service, "1", &entry("Dead"), Some(release))
        .await;
    buried.unwrap();
    assert_eq!(queues.oldest(&service, 0).await.unwrap(), None);
    assert_eq!(queues.letters(&service, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn published_events_can_be_listened_to() {
    let memory = Memory::private();
    let mut listener = memory.messenger().subscribe("ev.>").await.unwrap();
    let event = entry("OrderPlaced");
    memory.queues().tap(None, &event).await.unwrap();
    memory
        .queues()
        .tap(Some("orders.eu"), &event)
        .await
        .unwrap();
    for expected in ["ev.OrderPlaced", "ev.orders.eu"] {
        let (subject, frame) = listener.next().await.unwrap();
        assert_eq!(subject, expected);
        assert_eq!(frame.headers.get("ce-type"), Some("OrderPlaced"));
        assert_eq!(frame.payload, event.payload);
    }
}

#[tokio::test]
async fn what_nobody_provisioned_is_an_error() {
    let memory = Memory::private();
    let queues = provisioned(&memory).await;
    let nowhere = Queue {
        service: "nowhere".into(),
        part: Part::Shared,
    };
    for queue in [nowhere, queue(Part::Partition(4))] {
        let stored = queues
            .append(&queue, WRITER, &[append(1, false, &entry("E"))])
            .await;
        assert!(matches!(stored[..], [Err(AppendError::Transport(_))]));
    }
    queues.open(&generation("a"), &[0, 4]).await.unwrap_err();
    queues.oldest(&"nowhere".into(), 0).await.unwrap_err();
}
