use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use super::Engine;
use super::entries::entry_of;
use super::writer::{Handed, How, unanswered};
use crate::cluster::Taker;
use crate::delivery::Envelope;
use crate::node::Core;
use crate::routing::{Key, partition_of};
use crate::telemetry::Chain;
use crate::transport::{AppendError, Appended, Entry, Part, Queue, TransportError};

/// A message on its way into the queues of the services that take it.
#[derive(Debug, Default)]
pub(crate) struct Appending {
    /// Most have one, and nothing is allocated for no others.
    first: Option<(Arc<str>, Handed)>,
    others: Vec<(Arc<str>, Handed)>,
}

/// Not every service has the message.
#[derive(Debug)]
pub(crate) struct NotAppended {
    pub(crate) stored: Vec<Arc<str>>,
    pub(crate) failed: Vec<(Arc<str>, AppendError)>,
}

impl Engine {
    /// Hands a message over to the queue of each service that takes it, at once and in order.
    pub(crate) fn append(
        &self,
        core: &Core,
        envelope: &Envelope,
        takers: &[Taker],
        how: How,
    ) -> Appending {
        let entry = Arc::new(entry_of(envelope, &self.service));
        // What is stored for one service and not for another is repeated under its id.
        let given = how.given || takers.len() > 1;
        let how = How { given, ..how };
        let mut handed = takers.iter().map(|taker| {
            let handed = self.hand_over(core, taker, &entry, how);
            (Arc::clone(&taker.service), handed)
        });
        Appending {
            first: handed.next(),
            others: handed.collect(),
        }
    }

    /// Shows an event to programs that know nothing of catga. If it cannot be shown, it is stored
    /// all the same.
    pub(crate) async fn tap(&self, envelope: &Envelope, topic: Option<&str>) {
        let entry = entry_of(envelope, &self.service);
        let tap = self.cluster.transport.queues().tap(topic, &entry);
        let shown = self.cluster.limited("show an event", tap).await;
        if let Err(error) = shown
            && let Some(times) = self.cluster.complaints.times("show an event")
        {
            tracing::warn!(target: "catga", node = %self.cluster.me, id = %envelope.id, times, error = %Chain(&error), "an event is stored, but those who listen from outside may not see it");
        }
    }

    /// Hands an entry over to one service.
    pub(super) fn hand_over(
        &self,
        core: &Core,
        taker: &Taker,
        entry: &Arc<Entry>,
        how: How,
    ) -> Handed {
        let part = match &entry.key {
            Some(key) => {
                let hash = Key::from_text(key).fnv1a32();
                Part::Partition(partition_of(hash, taker.partitions))
            }
            None => Part::Shared,
        };
        let queue = Queue {
            service: Arc::clone(&taker.service),
            part,
        };
        let entry = Arc::clone(entry);
        self.writer.append(&core.runtime, queue, entry, how)
    }
}

impl Appending {
    /// What [`stored`](Self::stored) says, where it is for one service at most and that has answered.
    pub(crate) fn stored_now(&mut self) -> Option<Result<bool, AppendError>> {
        if !self.others.is_empty() {
            return None;
        }
        let Some((_, handed)) = self.first.as_mut() else {
            return Some(Ok(false));
        };
        let answered = handed.try_recv().ok()?;
        Some(answered.map(|appended| appended == Appended::Repeated))
    }

    /// Waits until every service has it. Whether one had it before. What is not answered by the
    /// deadline has failed; what is answered by then counts. The deadline is looked at only where an
    /// answer is not there.
    pub(crate) async fn stored(
        self,
        deadline: impl Future<Output = ()>,
    ) -> Result<bool, NotAppended> {
        let mut deadline = pin!(deadline);
        let mut is_late = false;
        let mut repeated = false;
        let (mut stored, mut failed) = (Vec::new(), Vec::new());
        for (service, mut handed) in self.first.into_iter().chain(self.others) {
            let answered = if is_late {
                // It may be there although it is late for another one.
                handed.try_recv().unwrap_or_else(|_| Err(unanswered()))
            } else {
                match select(pin!(answer(handed)), deadline.as_mut()).await {
                    Either::Left((answered, _)) => answered,
                    Either::Right(_) => {
                        is_late = true;
                        Err(unanswered())
                    }
                }
            };
            match answered {
                Ok(appended) => {
                    repeated |= appended == Appended::Repeated;
                    stored.push(service);
                }
                Err(error) => failed.push((service, error)),
            }
        }
        if failed.is_empty() {
            Ok(repeated)
        } else {
            Err(NotAppended { stored, failed })
        }
    }
}

/// The answer to an entry that was handed over.
pub(super) async fn answer(handed: Handed) -> Result<Appended, AppendError> {
    handed.await.unwrap_or_else(|_| {
        // The task went with its runtime.
        let error = TransportError::new("store a message", "its runtime has gone");
        Err(AppendError::Transport(error))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_answered_by_the_deadline_counts() {
        let (slow, handed_slow) = oneshot::channel();
        let (fast, handed_fast) = oneshot::channel();
        let (never, handed_never) = oneshot::channel();
        let others = [("b", handed_fast), ("c", handed_never)];
        let appending = Appending {
            first: Some(("a".into(), handed_slow)),
            others: others.map(|(name, handed)| (name.into(), handed)).into(),
        };
        fast.send(Ok(Appended::New)).unwrap();
        // As it is used: a future that cannot be asked again.
        let deadline = async { sleep(Duration::from_secs(1)).await };
        let stored = tokio::spawn(appending.stored(deadline));
        let NotAppended { stored, failed } = stored.await.unwrap().unwrap_err();
        let stored: Vec<_> = stored.iter().map(|service| &**service).collect();
        assert_eq!(stored, ["b"]);
        let failed: Vec<_> = failed.iter().map(|(service, _)| &**service).collect();
        assert_eq!(failed, ["a", "c"]);
        drop((slow, never));
    }

    #[test]
    fn one_answer_is_known_at_once() {
        let appending = |handed| Appending {
            first: Some(("a".into(), handed)),
            others: Vec::new(),
        };
        let (done, handed) = oneshot::channel();
        let mut one = appending(handed);
        assert!(one.stored_now().is_none());
        done.send(Ok(Appended::Repeated)).unwrap();
        assert!(matches!(one.stored_now(), Some(Ok(true))));
        let (done, handed) = oneshot::channel();
        done.send(Err(AppendError::Full)).unwrap();
        let mut refused = appending(handed);
        assert!(matches!(refused.stored_now(), Some(Err(AppendError::Full))));
        let [(done, handed), (_open, other)] = [(); 2].map(|()| oneshot::channel());
        done.send(Ok(Appended::New)).unwrap();
        let mut two = appending(handed);
        two.others.push(("b".into(), other));
        assert!(two.stored_now().is_none());
        assert!(matches!(Appending::default().stored_now(), Some(Ok(false))));
    }
}
