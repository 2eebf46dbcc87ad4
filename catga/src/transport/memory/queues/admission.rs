use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::seen::Seen;
use crate::node::epoch_now;
use crate::transport::{Append, AppendError, Appended, Entry, Position};

/// A writer that has appended nothing for this long is forgotten.
const WRITER_IDLE: Duration = Duration::from_secs(3_600);

/// Ids from chance that are remembered for each queue: such an id comes again only if its publisher
/// repeats a message by hand.
const CHANCE_IDS: usize = 16_384;

/// Says what is stored in a queue, and at which position.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    last: u64,
    writers: HashMap<u64, Writer>,
    given: Seen,
    chance: Seen,
}

#[derive(Debug, Clone, Copy)]
struct Writer {
    /// The highest number of what it had stored.
    number: u64,
    at: Instant,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            last: 0,
            writers: HashMap::new(),
            given: Seen::at_most(usize::MAX),
            chance: Seen::at_most(CHANCE_IDS),
        }
    }
}

impl Admission {
    /// Hands what is new to `store`, as long as there is room.
    pub(super) fn append(
        &mut self,
        writer: u64,
        entries: &[Append],
        mut room: usize,
        mut store: impl FnMut(Position, Arc<Entry>),
    ) -> Vec<Result<Appended, AppendError>> {
        let now = Instant::now();
        let stored = epoch_now();
        self.given.forget(now);
        self.chance.forget(now);
        let mut number = self.writers.get(&writer).map(|writer| writer.number);
        let mut refused = false;
        let append = |append: &Append| {
            if number.is_some_and(|number| append.number <= number) {
                return Ok(Appended::Repeated);
            }
            let key = append.entry.dedup_key();
            let repeated = append.given && (self.given.has(key) || self.chance.has(key));
            if !repeated && room == 0 {
                refused = true;
                return Err(AppendError::Full);
            }
            // A number behind one that was refused would make that one look stored.
            if !refused {
                number = Some(append.number);
            }
            if repeated {
                return Ok(Appended::Repeated);
            }
            room -= 1;
            self.last += 1;
            let seen = if append.given {
                &mut self.given
            } else {
                &mut self.chance
            };
            seen.insert(key, now);
            let sequence = self.last;
            store(Position { sequence, stored }, Arc::clone(&append.entry));
            Ok(Appended::New)
        };
        let answers = entries.iter().map(append).collect();
        if let Some(number) = number {
            self.remember(writer, number, now);
        }
        answers
    }

    fn remember(&mut self, writer: u64, number: u64, now: Instant) {
        let known = Writer { number, at: now };
        if self.writers.insert(writer, known).is_none() {
            self.writers
                .retain(|_, writer| now.duration_since(writer.at) < WRITER_IDLE);
        }
    }
}
