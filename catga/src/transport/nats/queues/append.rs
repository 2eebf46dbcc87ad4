//! Entries on their way into a queue: all of a batch are sent before the first answer is awaited.

use std::fmt::Write as _;

use async_nats::Subject;

use super::entry::Common;
use super::{Depot, subject};
use crate::transport::nats::api::{self, NO_ROOM, NOT_STORED, Stored};
use crate::transport::nats::error::Trouble;
use crate::transport::nats::link::{Question, Spare};
use crate::transport::{Append, AppendError, Appended, DOOR, Entry, Part, Queue, REPLAY};

/// The id by which `JetStream` knows what it has stored.
pub(super) const STORED_ID: &str = "Nats-Msg-Id";

/// What is left free in a message, so that its dead letter, which says more, fits as well: 8 KiB of
/// errors, and who gave it up. A payload may be as large as if a message had 7 KiB of headers.
const SPARE: Spare = Spare {
    beside_payload: 16 * 1_024,
    beside_all: 9 * 1_024,
};

impl Depot {
    pub(super) async fn append_all(
        &self,
        queue: &Queue,
        entries: &[Append],
    ) -> Vec<Result<Appended, AppendError>> {
        let to: Subject = self.names.queue(&queue.service, queue.part).into();
        let is_door = &*queue.service == DOOR;
        let mut common: Option<Common<'_>> = None;
        let questions = entries.iter().map(|append| {
            let entry = &append.entry;
            let common = match &mut common {
                Some(common) if common.is_of(entry) => common,
                other => other.insert(Common::of(entry, Some(STORED_ID))),
            };
            let text = entry.id.to_string();
            let known = id(queue, entry, &text);
            let mut headers = common.with(entry, text);
            headers.fill(STORED_ID, known);
            Question {
                subject: if is_door {
                    self.names.door(&subject::of(&entry.name)).into()
                } else {
                    to.clone()
                },
                headers,
                payload: entry.payload.clone(),
            }
        });
        let answers = self.link.ask_all(SPARE, questions).await;
        let stored = answers
            .into_iter()
            .map(|answer| answer.and_then(|payload| api::read_stored(&payload)));
        stored.map(outcome).collect()
    }
}

/// By what an entry is known when it comes again, whoever appends it. Each replay of a dead letter
/// is an entry of its own.
fn id(queue: &Queue, entry: &Entry, text: &str) -> String {
    let name = subject::of(&entry.name);
    // Room for the longest number, and for the dots.
    let mut id = String::with_capacity(12 + text.len() + name.len());
    match queue.part {
        Part::Partition(partition) => {
            // Writing to a string never fails.
            let _ = write!(id, "{partition}");
        }
        Part::Shared => id.push_str("shared"),
    }
    for part in [".", text, ".", &*name] {
        id.push_str(part);
    }
    if let Some(letter) = entry.headers.get(REPLAY) {
        id.push_str(".replay.");
        id.push_str(letter);
    }
    id
}

fn outcome(stored: Result<Stored, Trouble>) -> Result<Appended, AppendError> {
    match stored {
        Ok(Stored {
            duplicate: true, ..
        }) => Ok(Appended::Repeated),
        Ok(Stored { .. }) => Ok(Appended::New),
        Err(Trouble::TooLarge { size, limit }) => Err(AppendError::TooLarge { size, limit }),
        Err(trouble) if is_full(&trouble) => Err(AppendError::Full),
        Err(trouble) => Err(AppendError::Transport(trouble.when("store a message"))),
    }
}

/// Whether there is no room for what was to be stored.
fn is_full(trouble: &Trouble) -> bool {
    let Trouble::Refused(refused) = trouble else {
        return false;
    };
    // "maximum messages exceeded", "maximum bytes exceeded"
    let is_bound = refused.code == NOT_STORED && refused.description.contains("maximum");
    is_bound || NO_ROOM.contains(&refused.code)
}
