use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::transport::Frame;
use crate::transport::redis::wire::Parcel;

/// What became of a request: its answer, or `None` if it was not handled and will not be.
type Outcome = Option<Frame>;

/// Requests that wait for an answer, by their number. They outlive a connection: an answer may
/// come through the next one.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<u64, oneshot::Sender<Outcome>>>);

impl Pending {
    /// Waits for the answer to a number from here on.
    pub(super) fn ask(self: &Arc<Self>, number: u64) -> PendingAnswer {
        let (answered, answer) = oneshot::channel();
        self.requests().insert(number, answered);
        PendingAnswer {
            pending: Arc::clone(self),
            number,
            answer,
        }
    }

    /// Something came through the channel for answers.
    pub(super) fn answered(&self, payload: Bytes) {
        let (number, outcome) = match Parcel::decode(payload) {
            Some(Parcel::Answer { number, frame }) => (number, Some(frame)),
            Some(Parcel::Undelivered { number }) => (number, None),
            _ => return,
        };
        if let Some(answered) = self.requests().remove(&number) {
            // Whoever asked may have given up in this moment.
            let _ = answered.send(outcome);
        }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Outcome>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that waits; forgotten when it is dropped.
#[derive(Debug)]
pub(super) struct PendingAnswer {
    pending: Arc<Pending>,
    number: u64,
    answer: oneshot::Receiver<Outcome>,
}

impl PendingAnswer {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The answer; `None` if the request was not handled and will not be.
    pub(super) async fn answer(mut self) -> Outcome {
        match (&mut self.answer).await {
            Ok(outcome) => outcome,
            // Only this value takes the sender away, in its end.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for PendingAnswer {
    fn drop(&mut self) {
        self.pending.requests().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_find_who_asked() {
        let pending = Arc::<Pending>::default();
        let [one, two, gone] = [1, 2, 3].map(|number| pending.ask(number));
        drop(gone);
        let frame = Frame::default();
        for parcel in [
            Parcel::Undelivered { number: 2 },
            Parcel::Answer {
                number: 3,
                frame: frame.clone(),
            },
            Parcel::Answer {
                number: 1,
                frame: frame.clone(),
            },
        ] {
            pending.answered(parcel.encode());
        }
        assert_eq!(one.answer().await, Some(frame));
        assert_eq!(two.answer().await, None);
        assert!(pending.requests().is_empty());
    }
}
