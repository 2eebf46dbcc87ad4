use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use bytes::Bytes;
use fastrand::Rng;

use super::*;
use crate::message::{ContentType, Headers};

fn received(sequence: u64, stored: u64, id: MessageId) -> Received {
    let entry = Entry {
        id,
        name: "Put".into(),
        source: "".into(),
        time: SystemTime::UNIX_EPOCH,
        key: Some("1".into()),
        content_type: Cow::Borrowed("application/json"),
        headers: Headers::new(),
        payload: Bytes::new(),
    };
    Received {
        partition: 0,
        position: Position { sequence, stored },
        number: 1,
        entry: Ok(Arc::new(entry)),
    }
}

/// A partition, and the entries that it met.
struct Desk {
    partition: Partition,
    entries: BTreeMap<u64, Received>,
}

impl Desk {
    fn new() -> Self {
        let mut partition = Partition::default();
        partition.opened(&"queue".into(), 1, None);
        Self {
            partition,
            entries: BTreeMap::new(),
        }
    }

    /// The entries come, or come again.
    fn meet(&mut self, sequences: impl IntoIterator<Item = u64>) -> Vec<Met> {
        let meet = |sequence| {
            let entry = self.entries.entry(sequence);
            let entry = entry.or_insert_with(|| received(sequence, sequence, MessageId::new()));
            self.partition.meet(entry, 1)
        };
        sequences.into_iter().map(meet).collect()
    }

    fn handle(&mut self, sequences: impl IntoIterator<Item = u64>) {
        for sequence in sequences {
            let entry = &self.entries[&sequence];
            let fingerprint = Fingerprint::of(entry);
            self.partition.handled(0, entry.position, fingerprint, 1);
        }
    }

    /// What is new of it, and what was handled.
    fn sorted(&mut self, sequences: impl IntoIterator<Item = u64>) -> (Vec<u64>, Vec<u64>) {
        let sequences: Vec<u64> = sequences.into_iter().collect();
        let met = self.meet(sequences.iter().copied());
        let (mut new, mut handled) = (Vec::new(), Vec::new());
        for (sequence, met) in sequences.into_iter().zip(met) {
            match met {
                Met::New { .. } => new.push(sequence),
                Met::Handled => handled.push(sequence),
                Met::Waiting => {}
            }
        }
        (new, handled)
    }

    fn next_term(&mut self) {
        self.partition.forget_received();
        let epoch = self.partition.epoch.unwrap() + 1;
        self.partition.opened(&"queue".into(), epoch, None);
    }
}

#[test]
fn what_is_handled_behind_one_that_blocks_takes_no_room() {
    let mut desk = Desk::new();
    desk.meet(1..=20_000);
    desk.handle(2..=20_000);
    let tail = desk.partition.tail();
    let told = tail.handled.len() + tail.ranges.len();
    assert!(told <= 5, "{told} are kept");
    let size = ContentType::Json.encode(&tail).unwrap().len();
    assert!(size < 1_000, "the next owner is told {size} bytes");
    assert_eq!(desk.sorted(1..=20_000).1.len(), 19_999);
}

#[test]
fn the_broker_is_not_asked_while_all_stands_behind_one_that_blocks() {
    let mut desk = Desk::new();
    desk.meet(1..=100);
    desk.handle(3..=100);
    assert_eq!(desk.partition.provable(), None);
    desk.handle([1]);
    assert_eq!(desk.partition.provable(), Some(100));
    desk.partition.proven(Some(2), 100);
    assert_eq!(desk.partition.provable(), None);
    desk.handle([2]);
    desk.partition.proven(None, 100);
    assert!(desk.partition.tail().is_empty());
}

#[test]
fn the_next_owner_is_told_a_bounded_number() {
    let mut desk = Desk::new();
    desk.meet(1..=30_000);
    desk.handle((1..=30_000).filter(|sequence| sequence % 2 == 0));
    let tail = desk.partition.tail();
    assert_eq!(tail.handled.len() + tail.ranges.len(), 10_000);
    let value = ContentType::Json.encode(&tail).unwrap();
    let mut next = Desk {
        partition: Partition::default(),
        entries: desk.entries,
    };
    let tail = ContentType::Json.decode(&value).unwrap();
    next.partition.opened(&"queue".into(), 2, Some(tail));
    let (new, handled) = next.sorted(10_001..=30_000);
    assert!(handled.iter().all(|sequence| sequence % 2 == 0));
    assert!(new.iter().all(|sequence| sequence % 2 == 1));
}

#[test]
fn what_a_term_left_behind_is_new_in_the_next() {
    let mut desk = Desk::new();
    desk.meet(1..=30);
    desk.handle((1..=20).filter(|sequence| *sequence != 7));
    desk.next_term();
    // What blocks its thread ends late, behind others that were not handled.
    desk.handle([25]);
    desk.meet(31..=50);
    desk.handle(31..=50);
    let (new, handled) = desk.sorted(1..=50);
    let left: Vec<u64> = [7].into_iter().chain(21..=24).chain(26..=30).collect();
    assert_eq!(new, left);
    assert_eq!(handled.len(), 50 - left.len());
}

#[test]
fn an_entry_that_was_not_found_is_new_when_it_comes_again() {
    let mut desk = Desk::new();
    desk.meet(1..=20);
    let (position, fingerprint) = (
        desk.entries[&5].position,
        Fingerprint::of(&desk.entries[&5]),
    );
    assert_eq!(desk.partition.gone(position, fingerprint), Some(1));
    assert_eq!(desk.partition.gone(position, fingerprint), None);
    desk.handle((1..=20).filter(|sequence| *sequence != 5));
    assert_eq!(desk.sorted(1..=20).0, [5]);
}

#[test]
fn what_ends_late_overtakes_what_came_again() {
    let mut desk = Desk::new();
    desk.meet([1, 2]);
    desk.next_term();
    assert_eq!(desk.sorted([1, 2]).0, [1, 2]);
    desk.handle([1]);
    let due = |sequence: u64| {
        let fingerprint = Fingerprint::of(&desk.entries[&sequence]);
        desk.partition.due(sequence, fingerprint)
    };
    // However often it waits, each time that it came again.
    assert_eq!([due(1), due(1)], [Due::Settled, Due::Settled]);
    assert_eq!(due(2), Due::Waited(Progress::default()));
}

#[test]
fn what_waits_is_told_how_far_it_came() {
    let mut desk = Desk::new();
    desk.meet(1..=3);
    let place = |desk: &Desk, sequence| {
        let entry: &Received = &desk.entries[&sequence];
        (entry.position, Fingerprint::of(entry))
    };
    let (position, fingerprint) = place(&desk, 1);
    let (_, other) = place(&desk, 2);
    let nothing = Due::Waited(Progress::default());
    assert_eq!(desk.partition.due(1, fingerprint), nothing);
    let progress: Progress =
        serde_json::from_str(r#"{"handlers":{"a":{"failed":1,"done":true}}}"#).unwrap();
    let sequence = position.sequence;
    desk.partition
        .tried(sequence, fingerprint, progress.clone());
    assert_eq!(desk.partition.due(1, fingerprint), Due::Waited(progress));
    assert_eq!(desk.partition.due(1, other), Due::Settled, "of another");
    desk.handle([1]);
    assert_eq!(desk.partition.due(1, fingerprint), Due::Settled);
    assert_eq!(desk.partition.due(4, other), Due::Unknown);
}

#[test]
fn a_term_that_has_ended_takes_nothing_from_the_next() {
    let mut desk = Desk::new();
    desk.meet(1..=3);
    assert_eq!(desk.partition.forget_received_in(1), 3);
    desk.partition.opened(&"queue".into(), 2, None);
    desk.meet(1..=3);
    assert_eq!(desk.partition.forget_received_in(1), 0);
    assert_eq!(desk.partition.forget_received_in(2), 3);
}

#[test]
fn what_was_received_in_another_epoch_comes_again() {
    let mut desk = Desk::new();
    desk.meet(1..=3);
    assert_eq!(desk.partition.opened(&"queue".into(), 1, None), 0);
    assert!(desk.sorted(1..=3).0.is_empty());
    assert_eq!(desk.partition.opened(&"queue".into(), 2, None), 3);
    assert_eq!(desk.sorted(1..=3).0, [1, 2, 3]);
    assert_eq!(desk.partition.opened(&"another".into(), 2, None), 3);
}

#[test]
fn an_entry_in_the_place_of_another_is_new() {
    let mut desk = Desk::new();
    desk.meet(1..=100);
    desk.handle(1..=100);
    // The queue fell back to 50, and went on.
    for sequence in 51..=100 {
        let entry = received(sequence, 1_000 + sequence, MessageId::new());
        desk.entries.insert(sequence, entry);
    }
    let (new, handled) = desk.sorted(1..=100);
    assert_eq!(new, (51..=100).collect::<Vec<_>>());
    assert_eq!(handled, (1..=50).collect::<Vec<_>>());
}

impl Tail {
    pub(in super::super) fn of_many(count: u64) -> Self {
        let fingerprint = |stored| Fingerprint {
            stored,
            id: Some(MessageId::new()),
        };
        let marks = (0..count).map(|sequence| (u64::MAX - sequence, fingerprint(u64::MAX)));
        Self {
            handled: marks.clone().collect(),
            unfinished: marks
                .map(|(sequence, fingerprint)| (sequence, fingerprint, Progress::default()))
                .collect(),
            ..Self::default()
        }
    }
}

/// A queue, and whoever reads it, at random.
struct World {
    rng: Rng,
    partition: Partition,
    /// What is stored, by sequence: when, and what it is.
    stored: BTreeMap<u64, (u64, MessageId)>,
    next: u64,
    time: u64,
    epoch: u64,
    /// Up to where this generation has read.
    cursor: u64,
    /// In a lane: what it is, where, and of which epoch.
    lanes: Vec<(MessageId, u64, u64, u64)>,
    done: BTreeSet<MessageId>,
    fell_back: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut partition = Partition::default();
        partition.opened(&"queue".into(), 1, None);
        Self {
            rng: Rng::with_seed(seed),
            partition,
            stored: BTreeMap::new(),
            next: 1,
            time: 1,
            epoch: 1,
            cursor: 0,
            lanes: Vec::new(),
            done: BTreeSet::new(),
            fell_back: false,
        }
    }

    fn step(&mut self) {
        match self.rng.u32(..100) {
            0..30 => {
                self.time += self.rng.u64(..3);
                let id = MessageId::new();
                self.stored.insert(self.next, (self.time, id));
                self.next += 1 + self.rng.u64(..3);
            }
            30..60 => self.read(),
            60..90 => self.end_one(),
            90..93 => self.cursor = 0,
            93..95 => self.acknowledge(),
            95 => {
                let last = self.partition.provable();
                let oldest = self.stored.keys().next().copied();
                if let Some(last) = last {
                    self.partition.proven(oldest, last);
                }
            }
            96 => {
                self.epoch += 1;
                self.cursor = 0;
                self.partition.forget_received();
                self.partition.opened(&"queue".into(), self.epoch, None);
            }
            97 => self.move_on(),
            98 => {
                let Some(at) = self.any_lane() else { return };
                let (id, sequence, stored, epoch) = self.lanes.swap_remove(at);
                if epoch == self.epoch {
                    let id = Some(id);
                    let position = Position { sequence, stored };
                    self.partition.gone(position, Fingerprint { stored, id });
                    self.cursor = 0;
                }
            }
            _ if self.rng.u32(..20) == 0 => {
                let to = self.next.saturating_sub(self.rng.u64(..40)).max(1);
                self.stored.split_off(&to);
                (self.next, self.cursor) = (to, 0);
                self.time += 10;
                self.fell_back = true;
            }
            _ => {}
        }
    }

    fn read(&mut self) {
        let next = self.stored.range(self.cursor + 1..).next();
        let Some((&sequence, &(stored, id))) = next else {
            return;
        };
        self.cursor = sequence;
        match self.partition.meet(&received(sequence, stored, id), 1) {
            Met::Handled => assert!(self.done.contains(&id), "it was not handled"),
            Met::Waiting => {
                let here = |lane: &(MessageId, u64, u64, u64)| lane.0 == id && lane.3 == self.epoch;
                assert!(self.lanes.iter().any(here), "it is in no lane");
            }
            Met::New { .. } => {
                let again = self.done.contains(&id);
                assert!(!again || self.fell_back, "it was handled");
                self.lanes.push((id, sequence, stored, self.epoch));
            }
        }
    }

    /// One in a lane is handled, or, of a former epoch, mostly dropped.
    fn end_one(&mut self) {
        let Some(at) = self.any_lane() else { return };
        let (id, sequence, stored, epoch) = self.lanes.swap_remove(at);
        let late = epoch != self.epoch;
        if late && self.rng.u32(..4) > 0 {
            return;
        }
        let position = Position { sequence, stored };
        let fingerprint = Fingerprint {
            stored,
            id: Some(id),
        };
        self.partition.handled(0, position, fingerprint, 1);
        self.done.insert(id);
        self.lanes.retain(|(other, ..)| {
            *other != id || self.partition.due(sequence, fingerprint) != Due::Settled
        });
    }

    /// Some of what is handled leaves the queue.
    fn acknowledge(&mut self) {
        let rng = &mut self.rng;
        self.stored
            .retain(|_, (_, id)| !self.done.contains(id) || rng.bool());
    }

    /// The partition moves, and comes to another node or back to this one.
    fn move_on(&mut self) {
        let tail = ContentType::Json.encode(&self.partition.tail()).unwrap();
        let tail = ContentType::Json.decode(&tail).unwrap();
        self.epoch += 1;
        self.cursor = 0;
        if self.rng.bool() {
            self.lanes.clear();
            self.partition = Partition::default();
        }
        self.partition.forget_received();
        self.partition
            .opened(&"queue".into(), self.epoch, Some(tail));
    }

    fn any_lane(&mut self) -> Option<usize> {
        (!self.lanes.is_empty()).then(|| self.rng.usize(..self.lanes.len()))
    }
}

#[test]
fn nothing_counts_as_handled_that_was_not() {
    for seed in 0..300 {
        println!("seed {seed}");
        let mut world = World::new(seed);
        for _ in 0..1_500 {
            world.step();
        }
    }
}
