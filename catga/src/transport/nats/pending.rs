use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Message, StatusCode};
use bytes::Bytes;
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
    /// Those that were asked together, by the number of the first.
    together: BTreeMap<u64, Together>,
}

/// Questions with numbers one behind the other, whose asker is woken once.
#[derive(Debug)]
struct Together {
    answers: Vec<Option<Answer>>,
    /// How many have no answer yet.
    left: usize,
    all: Option<oneshot::Sender<()>>,
}

/// What is looked at of an answer to one of many questions.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: Option<StatusCode>,
    pub(super) payload: Bytes,
}

impl Pending {
    /// Waits for the answer to a new question from here on.
    pub(super) fn ask(self: &Arc<Self>) -> PendingAnswer {
        let (answered, answer) = oneshot::channel();
        let mut questions = self.questions();
        questions.last += 1;
        let number = questions.last;
        questions.waiting.insert(number, answered);
        drop(questions);
        PendingAnswer {
            pending: Arc::clone(self),
            number,
            answer,
        }
    }

    /// Waits for the answers to so many new questions from here on.
    pub(super) fn ask_together(self: &Arc<Self>, count: usize) -> WaitingTogether {
        let (all, answered) = oneshot::channel();
        let together = Together {
            answers: std::iter::repeat_with(|| None).take(count).collect(),
            left: count,
            all: Some(all),
        };
        let mut questions = self.questions();
        let first = questions.last + 1;
        questions.last += count as u64;
        questions.together.insert(first, together);
        drop(questions);
        WaitingTogether {
            pending: Arc::clone(self),
            first,
            answered,
        }
    }

    /// The answer to a question came.
    pub(super) fn answered(&self, number: u64, answer: Message) {
        let mut questions = self.questions();
        if let Some((first, together)) = questions.together.range_mut(..=number).next_back() {
            let place = usize::try_from(number - first).unwrap_or(usize::MAX);
            if place < together.answers.len() {
                together.answered(place, answer);
                return;
            }
        }
        let answered = questions.waiting.remove(&number);
        drop(questions);
        if let Some(answered) = answered {
            // Whoever asked may have given up in this moment.
            let _ = answered.send(answer);
        }
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Together {
    fn answered(&mut self, place: usize, answer: Message) {
        let answer = Answer {
            status: answer.status,
            payload: answer.payload,
        };
        if self.answers[place].replace(answer).is_none() {
            self.settle(1);
        }
    }

    /// So many more need no answer.
    fn settle(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
        if self.left == 0
            && let Some(all) = self.all.take()
        {
            // Whoever asked may have given up in this moment.
            let _ = all.send(());
        }
    }
}

/// Many questions that wait together; forgotten when this is dropped.
#[derive(Debug)]
pub(super) struct WaitingTogether {
    pending: Arc<Pending>,
    first: u64,
    answered: oneshot::Receiver<()>,
}

impl WaitingTogether {
    /// The number of one of them.
    pub(super) fn number(&self, place: usize) -> u64 {
        self.first + place as u64
    }

    /// So many of them were not asked.
    pub(super) fn unasked(&self, count: usize) {
        if let Some(together) = self.pending.questions().together.get_mut(&self.first) {
            together.settle(count);
        }
    }

    /// Completes once all that were asked are answered. Cancel safe.
    pub(super) async fn all(&mut self) {
        // Only this value takes the sender away, in its end.
        let _ = (&mut self.answered).await;
    }

    /// The answers that have come, each in the place of its question.
    pub(super) fn taken(self) -> Vec<Option<Answer>> {
        let together = self.pending.questions().together.remove(&self.first);
        together.map_or_else(Vec::new, |together| together.answers)
    }
}

impl Drop for WaitingTogether {
    fn drop(&mut self) {
        self.pending.questions().together.remove(&self.first);
    }
}

/// One question that waits; forgotten when it is dropped.
#[derive(Debug)]
pub(super) struct PendingAnswer {
    pending: Arc<Pending>,
    number: u64,
    answer: oneshot::Receiver<Message>,
}

impl PendingAnswer {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) async fn answer(mut self) -> Message {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            // Only this value takes the sender away, in its end.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for PendingAnswer {
    fn drop(&mut self) {
        self.pending.questions().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn message(subject: &'static str) -> Message {
        Message {
            subject: subject.into(),
            reply: None,
            payload: Bytes::new(),
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

    #[tokio::test]
    async fn who_asked_for_many_is_woken_when_all_are_answered() {
        let pending = Arc::<Pending>::default();
        let before = pending.ask();
        let mut many = pending.ask_together(3);
        let behind = pending.ask();
        assert_eq!([0, 1, 2].map(|place| many.number(place)), [2, 3, 4]);
        pending.answered(many.number(2), message("last"));
        pending.answered(many.number(2), message("twice"));
        many.unasked(1);
        assert!(many.all().now_or_never().is_none());
        pending.answered(behind.number(), message("behind"));
        pending.answered(many.number(0), message("first"));
        pending.answered(before.number(), message("before"));
        many.all().await;
        let came: Vec<bool> = many.taken().iter().map(Option::is_some).collect();
        assert_eq!(came, [true, false, true]);
        assert_eq!(before.answer().await.subject.as_str(), "before");
        assert_eq!(behind.answer().await.subject.as_str(), "behind");
        drop(pending.ask_together(2));
        assert!(pending.questions().together.is_empty());
    }
}
