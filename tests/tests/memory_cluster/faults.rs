//! The faults of queues are what they are said to be.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::transport::{
    Ack, Append, AppendError, Appended, Entry, Generation, Intake, Memory, Part, Queue, Queues,
    Received, Taken, Transport,
};
use catga::{Headers, MessageId};
use catga_tests::faulty::{Fault, Faults, Lie, Line};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(5);

fn service() -> Arc<str> {
    "shop".into()
}

fn append(number: u64) -> Append {
    let entry = Entry {
        id: MessageId::new(),
        name: "Ordered".into(),
        source: "tests".into(),
        time: SystemTime::UNIX_EPOCH,
        key: None,
        content_type: "application/json".into(),
        headers: Headers::new(),
        payload: Bytes::from(number.to_string()),
    };
    Append {
        number,
        given: false,
        entry: Arc::new(entry),
    }
}

fn generation(name: &str) -> Generation {
    Generation {
        service: service(),
        name: name.to_owned(),
    }
}

struct Site {
    memory: Memory,
    faults: Arc<Faults>,
    line: Line,
}

impl Site {
    async fn new() -> Self {
        let memory = Memory::private();
        let faults = Faults::new(Arc::new(memory.clone()));
        let line = faults.line("a");
        line.provision(&service(), 2).await.unwrap();
        Self {
            memory,
            faults,
            line,
        }
    }

    async fn append(&self, numbers: std::ops::RangeInclusive<u64>) -> Vec<Option<Appended>> {
        let queue = Queue {
            service: service(),
            part: Part::Partition(0),
        };
        let appends: Vec<_> = numbers.map(append).collect();
        let stored = self.line.append(&queue, 1, &appends).await;
        let stored = stored.into_iter().map(|stored| match stored {
            Ok(stored) => Some(stored),
            Err(AppendError::Transport(_)) => None,
            Err(other) => panic!("{other}"),
        });
        stored.collect()
    }

    async fn open(&self, name: &str) -> Box<dyn Intake> {
        let opened = self.line.open(&generation(name), &[0]).await;
        opened.unwrap().intake
    }

    /// The sequence of the oldest entry, past the line.
    async fn oldest(&self) -> Option<u64> {
        let queues = self.faults.queues();
        queues.queues().oldest(&service(), 0).await.unwrap()
    }
}

async fn entries(intake: &mut Box<dyn Intake>) -> Vec<Received> {
    match timeout(SOON, intake.next(100)).await.unwrap() {
        Some(Taken::Entries(entries)) => entries,
        other => panic!("{other:?}"),
    }
}

fn numbers(received: &[Received]) -> Vec<(u64, u64)> {
    let number = |received: &Received| (received.position.sequence, received.number);
    received.iter().map(number).collect()
}

fn ack(received: &Received) -> Ack {
    Ack {
        partition: received.partition,
        position: received.position,
        number: received.number,
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_reply_is_lost_was_done() {
    let site = Site::new().await;
    site.line.set(|rules| rules.queues = Fault::LoseReply);
    assert_eq!(site.append(1..=1).await, [None]);
    site.line.set(|rules| rules.queues = Fault::Fail);
    assert_eq!(site.append(2..=2).await, [None]);
    site.line.heal();
    use Appended::{New, Repeated};
    assert_eq!(site.append(1..=2).await, [Some(Repeated), Some(New)]);
    site.line.set(|rules| rules.queues = Fault::Late(SOON));
    assert_eq!(site.append(3..=3).await, [None]);
    site.line.heal();
    tokio::time::sleep(2 * SOON).await;
    assert_eq!(site.append(3..=3).await, [Some(Repeated)]);
}

#[tokio::test(start_paused = true)]
async fn intakes_hang_and_break_with_the_line() {
    let site = Site::new().await;
    let mut intake = site.open("a-1-1").await;
    site.line.cut();
    let shelf = site.memory.queues();
    let queue = Queue {
        service: service(),
        part: Part::Partition(0),
    };
    shelf.append(&queue, 1, &[append(1)]).await;
    assert!(timeout(SOON, intake.next(1)).await.is_err());
    site.line.heal();
    assert_eq!(numbers(&entries(&mut intake).await), [(1, 1)]);
    site.line.set(|rules| rules.queues = Fault::Fail);
    assert!(intake.next(1).await.is_none());
    site.line.heal();
    let mut intake = site.open("a-1-2").await;
    site.faults.break_intakes();
    assert!(intake.next(1).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_on_the_way_is_told_by_the_numbers() {
    let site = Site::new().await;
    let mut intake = site.open("a-1-1").await;
    site.append(1..=4).await;
    site.faults.lie(Lie::TailLost, 1);
    assert_eq!(numbers(&entries(&mut intake).await), [(1, 1), (2, 2)]);
    let idle = timeout(SOON, intake.next(10)).await.unwrap();
    assert!(matches!(idle, Some(Taken::Idle { last: 4 })));
    site.faults.be_honest();
    site.faults.lie(Lie::BatchLost, 1);
    site.append(5..=5).await;
    let idle = timeout(SOON, intake.next(10)).await.unwrap();
    assert!(matches!(idle, Some(Taken::Idle { last: 5 })));
    assert_eq!(site.faults.lies(Lie::BatchLost), 1);
    site.faults.be_honest();
    site.append(6..=6).await;
    assert_eq!(numbers(&entries(&mut intake).await), [(6, 6)]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_can_be_acknowledged_under_either_number() {
    let site = Site::new().await;
    let mut intake = site.open("a-1-1").await;
    site.append(1..=2).await;
    site.faults.lie(Lie::ReadTwice, 1);
    let first = entries(&mut intake).await;
    let again = entries(&mut intake).await;
    assert_eq!(numbers(&first), [(1, 1), (2, 2)]);
    assert_eq!(numbers(&again), [(1, 3), (2, 4)]);
    site.faults.be_honest();
    let acks = [ack(&again[0])];
    site.line.ack(&generation("a-1-1"), &acks).await.unwrap();
    assert_eq!(site.oldest().await, Some(2));
    site.append(3..=3).await;
    assert_eq!(numbers(&entries(&mut intake).await), [(3, 5)]);
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_nobody_destroys_reads_and_acknowledges() {
    let site = Site::new().await;
    site.faults.lie(Lie::GenerationsIgnored, 1);
    let mut old = site.open("a-1-1").await;
    site.append(1..=2).await;
    assert_eq!(numbers(&entries(&mut old).await), [(1, 1), (2, 2)]);
    let mut new = site.open("b-1-1").await;
    site.append(3..=3).await;
    let received = entries(&mut new).await;
    assert_eq!(numbers(&received), [(1, 1), (2, 2), (3, 3)]);
    let haunted = entries(&mut old).await;
    assert_eq!(numbers(&haunted), [(3, 3)], "both have it");
    let acks: Vec<_> = received[..2].iter().map(ack).collect();
    site.line.ack(&generation("a-1-1"), &acks).await.unwrap();
    assert_eq!(site.oldest().await, Some(3));
    site.line.close(&generation("a-1-1")).await.unwrap();
    assert!(timeout(SOON, old.next(1)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn queues_can_be_made_again_and_fall_back() {
    let site = Site::new().await;
    site.append(1..=2).await;
    let mut intake = site.open("a-1-1").await;
    let acks: Vec<_> = entries(&mut intake).await.iter().map(ack).collect();
    let backup = site.memory.copy();
    site.line.ack(&generation("a-1-1"), &acks).await.unwrap();
    site.append(3..=3).await;

    site.faults.replace_queues(Arc::new(backup));
    assert!(intake.next(1).await.is_none());
    let opened = site.line.open(&generation("a-1-2"), &[0]).await.unwrap();
    let mut intake = opened.intake;
    let received = entries(&mut intake).await;
    assert_eq!(numbers(&received), [(1, 1), (2, 2)]);
    assert_eq!(received[1].position, acks[1].position, "the very same");

    let empty = Arc::new(Memory::private());
    site.faults.recreate_queues(empty).await;
    assert!(intake.next(1).await.is_none());
    assert_eq!(site.oldest().await, None);
    // Nobody remembers what was appended to the former ones.
    assert_eq!(site.append(1..=1).await, [Some(Appended::New)]);
    assert_eq!(site.oldest().await, Some(1));
    let again = site.line.open(&generation("a-1-3"), &[0]).await.unwrap();
    assert_ne!(again.stream, opened.stream);
}
