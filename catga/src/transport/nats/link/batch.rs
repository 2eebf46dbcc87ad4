//! Many questions at once: all are sent before the first answer is awaited.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use futures_util::future::select;
use tokio::time::timeout;

use super::{ANSWER, Link, checked};
use crate::transport::nats::error::{Cause, Trouble};
use crate::transport::nats::headers::Outgoing;
use crate::transport::nats::pending::Answer;

/// How many bytes `JetStream` stores in a microsecond where it is slow.
const SLOWEST: u64 = 4;

/// Something to be answered.
pub(in crate::transport::nats) struct Question {
    pub(in crate::transport::nats) subject: Subject,
    pub(in crate::transport::nats) headers: Outgoing,
    pub(in crate::transport::nats) payload: Bytes,
}

/// The bytes of a message that are left free.
#[derive(Debug, Clone, Copy)]
pub(in crate::transport::nats) struct Spare {
    pub(in crate::transport::nats) beside_payload: usize,
    pub(in crate::transport::nats) beside_all: usize,
}

impl Spare {
    pub(in crate::transport::nats) const NOTHING: Self = Self {
        beside_payload: 0,
        beside_all: 0,
    };

    /// Whether a payload is too large, or it is together with its headers.
    fn too_large(self, largest: usize, payload: usize, size: usize) -> Option<Trouble> {
        let of_payload = (payload, largest.saturating_sub(self.beside_payload));
        let of_all = (size, largest.saturating_sub(self.beside_all));
        [of_payload, of_all]
            .into_iter()
            .find(|(size, limit)| size > limit)
            .map(|(size, limit)| Trouble::TooLarge { size, limit })
    }
}

impl Link {
    /// Asks `JetStream` for several things, in order and without waiting in between: the payload of
    /// one answer for each. What is too large, with these bytes to spare, is left out.
    pub(in crate::transport::nats) async fn ask_all(
        &self,
        spare: Spare,
        questions: impl ExactSizeIterator<Item = Question>,
    ) -> Vec<Result<Bytes, Trouble>> {
        let total = questions.len();
        let mut breaks = self.breaks();
        let session = match self.session().await {
            Ok(session) => session,
            Err(trouble) => return all_behind(trouble, total),
        };
        let largest = session.client.max_payload();
        let mut waiting = session.pending.ask_together(total);
        let mut reply = session.answers.to_string();
        let mut unasked = Vec::new();
        let mut sent = 0;
        let mut asked = 0;
        let mut stopped = None;
        for (place, question) in questions.enumerate() {
            // What is sent now would be stored before what was lost.
            if breaks.has_changed().unwrap_or(true) {
                stopped = Some(Trouble::Lost(Cause::Closed));
                break;
            }
            asked = place + 1;
            let Question {
                subject,
                headers,
                payload,
            } = question;
            let size = headers.size() + payload.len();
            if let Some(trouble) = spare.too_large(largest, payload.len(), size) {
                unasked.push((place, trouble));
                continue;
            }
            reply.truncate(session.answers.len());
            // Writing to a string never fails.
            let _ = write!(reply, "{}", waiting.number(place));
            let reply = Some(Subject::from(&*reply));
            let sending = session.send(subject, reply, headers, payload).await;
            if let Err(trouble) = sending {
                self.forget(&session, &trouble);
                asked = place;
                stopped = Some(trouble);
                break;
            }
            sent += size as u64;
        }
        waiting.unasked(unasked.len() + total - asked);
        let patience = ANSWER + Duration::from_micros(sent / SLOWEST);
        let gone = async {
            // Both its ends mean that no more answers come.
            let _ = timeout(patience, breaks.changed()).await;
        };
        select(pin!(waiting.all()), pin!(gone)).await;
        let came = waiting.taken().into_iter().take(asked);
        let mut answers: Vec<_> = came.map(answer).collect();
        for (place, trouble) in unasked {
            answers[place] = Err(trouble);
        }
        answers.extend(stopped.map(Err));
        answers.resize_with(total, || Err(Trouble::Behind));
        answers
    }
}

/// The answers where not even the first could be asked.
fn all_behind(trouble: Trouble, total: usize) -> Vec<Result<Bytes, Trouble>> {
    let mut answers: Vec<_> = std::iter::once(Err(trouble)).take(total).collect();
    answers.resize_with(total, || Err(Trouble::Behind));
    answers
}

fn answer(came: Option<Answer>) -> Result<Bytes, Trouble> {
    let Answer { status, payload } = came.ok_or(Trouble::Lost(Cause::Closed))?;
    checked(status)?;
    Ok(payload)
}
