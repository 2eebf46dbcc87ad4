//! Many questions at once: all are sent before the first answer is awaited.

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

impl Link {
    /// Asks `JetStream` for several things, in order and without waiting in between: the payload of
    /// one answer for each. What is too large, with this many bytes to spare, is left out.
    pub(in crate::transport::nats) async fn ask_all(
        &self,
        spare: usize,
        questions: impl ExactSizeIterator<Item = Question>,
    ) -> Vec<Result<Bytes, Trouble>> {
        let total = questions.len();
        let mut breaks = self.breaks();
        let session = match self.session().await {
            Ok(session) => session,
            Err(trouble) => return all_behind(trouble, total),
        };
        let limit = session.client.max_payload().saturating_sub(spare);
        let mut waiting = session.pending.ask_together(total);
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
            if size > limit {
                unasked.push((place, Trouble::TooLarge { size, limit }));
                continue;
            }
            let reply = format!("{}{}", session.answers, waiting.number(place)).into();
            let sending = session.send(subject, Some(reply), headers, payload).await;
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
