//! Many questions at once: all are sent before the first answer is awaited.

use std::pin::{Pin, pin};
use std::time::Duration;

use async_nats::{Message, Subject};
use bytes::Bytes;
use tokio::time::timeout;

use super::{ANSWER, Link, checked};
use crate::transport::nats::error::{Cause, Trouble};
use crate::transport::nats::headers::Outgoing;
use crate::transport::nats::pending::Waiting;

/// How many bytes `JetStream` stores in a microsecond where it is slow.
const SLOWEST: u64 = 4;

/// Something to be answered.
pub(in crate::transport::nats) struct Question {
    pub(in crate::transport::nats) subject: Subject,
    pub(in crate::transport::nats) headers: Outgoing,
    pub(in crate::transport::nats) payload: Bytes,
}

impl Link {
    /// Asks `JetStream` for several things, in order and without waiting in between: one answer
    /// for each. What is too large, with this many bytes to spare, is left out.
    pub(in crate::transport::nats) async fn ask_all(
        &self,
        spare: usize,
        questions: impl ExactSizeIterator<Item = Question>,
    ) -> Vec<Result<Message, Trouble>> {
        let total = questions.len();
        let mut breaks = self.breaks();
        let mut asked = Vec::with_capacity(total);
        let mut sent = 0;
        let sending = async {
            let session = self.session().await?;
            let limit = session.client.max_payload().saturating_sub(spare);
            for question in questions {
                // What is sent now would be stored before what was lost.
                if breaks.has_changed().unwrap_or(true) {
                    return Err(Trouble::Lost(Cause::Closed));
                }
                let Question {
                    subject,
                    headers,
                    payload,
                } = question;
                let size = headers.size() + payload.len();
                if size > limit {
                    asked.push(Err(Trouble::TooLarge { size, limit }));
                    continue;
                }
                let waiting = session.pending.ask();
                let reply = format!("{}{}", session.answers, waiting.number()).into();
                let sending = session.send(subject, Some(reply), headers, payload).await;
                sending.inspect_err(|trouble| self.forget(&session, trouble))?;
                sent += size as u64;
                asked.push(Ok(waiting));
            }
            Ok(())
        };
        let stopped = sending.await.err();
        let patience = ANSWER + Duration::from_micros(sent / SLOWEST);
        let gone = async {
            // Both its ends mean that no more answers come.
            let _ = timeout(patience, breaks.changed()).await;
        };
        let mut answers = answers(asked, pin!(gone)).await;
        answers.extend(stopped.map(Err));
        answers.resize_with(total, || Err(Trouble::Behind));
        answers
    }
}

/// The answers to what was asked. Once `gone` is done, only what has come.
async fn answers(
    asked: Vec<Result<Waiting, Trouble>>,
    mut gone: Pin<&mut impl Future<Output = ()>>,
) -> Vec<Result<Message, Trouble>> {
    let mut answers = Vec::with_capacity(asked.len());
    let mut is_gone = false;
    // The last answer comes last, in general: whoever waits for it first wakes up once.
    for asked in asked.into_iter().rev() {
        answers.push(match asked {
            Err(trouble) => Err(trouble),
            Ok(waiting) => {
                let answer = if is_gone {
                    waiting.taken()
                } else {
                    waiting.answer_or(gone.as_mut()).await
                };
                is_gone |= answer.is_none();
                answer.map_or(Err(Trouble::Lost(Cause::Closed)), checked)
            }
        });
    }
    answers.reverse();
    answers
}
