use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Message;
use futures_util::future::{Either, select};
use tokio::sync::oneshot;

/// Questions that wait for an answer, by their number. They outlive a broken connection: an
/// answer may come through the next one.
///
/// The client's own would never forget a question that is not answered.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Questions>);

#[derive(Debug, Default)]
struct Questions {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Message>>,
}

impl Pending {
    /// Waits for the answer to a new question from here on.
    pub(super) fn ask(self: &Arc<Self>) -> Waiting {
        let (answered, answer) = oneshot::channel();
        let mut questions = self.questions();
        questions.last += 1;
        let number = questions.last;
        questions.waiting.insert(number, answered);
        drop(questions);
        Waiting {
            pending: Arc::clone(self),
            number,
            answer,
        }
    }

    /// The answer to a question came.
    pub(super) fn answered(&self, number: u64, answer: Message) {
        let answered = self.questions().waiting.remove(&number);
        if let Some(answered) = answered {
            // Whoever asked may have given up in this moment.
            let _ = answered.send(answer);
        }
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question that waits; forgotten when it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    pending: Arc<Pending>,
    number: u64,
    answer: oneshot::Receiver<Message>,
}

impl Waiting {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The answer, if it has come.
    pub(super) fn taken(mut self) -> Option<Message> {
        self.answer.try_recv().ok()
    }

    /// The answer; `None` if something else is done before.
    pub(super) async fn answer_or(
        mut self,
        done: Pin<&mut impl Future<Output = ()>>,
    ) -> Option<Message> {
        match select(&mut self.answer, done).await {
            Either::Left((answer, _)) => answer.ok(),
            Either::Right(_) => None,
        }
    }

    pub(super) async fn answer(mut self) -> Message {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            // Only this value takes the sender away, in its end.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.questions().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &'static str) -> Message {
        Message {
            subject: subject.into(),
            reply: None,
            payload: bytes::Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[tokio::test]
    async fn answers_find_who_asked() {
        let pending = Arc::<Pending>::default();
        let [one, two, gone] = [(); 3].map(|()| pending.ask());
        let numbers = [two.number(), gone.number(), one.number()];
        drop(gone);
        for (number, subject) in numbers.into_iter().zip(["two", "gone", "one"]) {
            pending.answered(number, message(subject));
        }
        assert_eq!(one.answer().await.subject.as_str(), "one");
        assert_eq!(two.answer().await.subject.as_str(), "two");
        assert!(pending.questions().waiting.is_empty());
    }
}
