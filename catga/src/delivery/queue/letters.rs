use std::borrow::Cow;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::delivery::{DeadLetter, Envelope, Failure, Reason};
use crate::handler::HandlerInfo;
use crate::node::{Core, time_now};

/// Messages that used up their attempts, kept until they are replayed or discarded.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    letters: Mutex<Vec<(DeadLetter, Envelope)>>,
    next: AtomicU64,
}

impl DeadLetters {
    pub(super) fn push(
        &self,
        core: &Core,
        envelope: &Envelope,
        index: usize,
        handler: &'static HandlerInfo,
        attempts: NonZeroU32,
        failure: Failure,
    ) {
        let letter = DeadLetter {
            number: self.next.fetch_add(1, Ordering::Relaxed) + 1,
            id: envelope.id,
            message: Cow::Borrowed(envelope.info.name()),
            key: envelope.key.clone(),
            reason: Reason::of(failure.fault),
            handler: Some(handler.path()),
            attempts: attempts.get(),
            chain: failure.chain,
            node: core.id.to_string(),
            headers: envelope.headers.clone(),
            failed_at: time_now(),
            content_type: Cow::Borrowed(envelope.content_type.as_str()),
            payload: envelope.payload.clone(),
            source: Arc::clone(&core.service),
            time: envelope.made,
            unclaimed: false,
        };
        let envelope = Envelope {
            only: Some(index),
            ..envelope.clone()
        };
        self.letters().push((letter, envelope));
    }

    /// Those behind a number, at most `limit` of them.
    pub(crate) fn list(&self, after: u64, limit: usize) -> Vec<DeadLetter> {
        let letters = self.letters();
        let letters = letters.iter().map(|(letter, _)| letter);
        let behind = letters.filter(|letter| letter.number > after);
        behind.take(limit).cloned().collect()
    }

    pub(crate) fn take(&self, number: u64) -> Option<(DeadLetter, Envelope)> {
        let mut letters = self.letters();
        let at = letters
            .iter()
            .position(|(letter, _)| letter.number == number)?;
        Some(letters.remove(at))
    }

    /// Puts a letter back where it was, unless the guard is forgotten.
    pub(crate) const fn guard(&self, letter: DeadLetter, envelope: Envelope) -> Replaying<'_> {
        Replaying {
            letters: self,
            taken: Some((letter, envelope)),
        }
    }

    fn letters(&self) -> MutexGuard<'_, Vec<(DeadLetter, Envelope)>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A letter that is being replayed.
#[derive(Debug)]
pub(crate) struct Replaying<'a> {
    letters: &'a DeadLetters,
    taken: Option<(DeadLetter, Envelope)>,
}

impl Replaying<'_> {
    /// The message is stored again: the letter is gone.
    pub(crate) fn forget(mut self) {
        self.taken = None;
    }
}

impl Drop for Replaying<'_> {
    fn drop(&mut self) {
        if let Some((letter, envelope)) = self.taken.take() {
            let mut letters = self.letters.letters();
            let at = letters.partition_point(|(other, _)| other.number < letter.number);
            letters.insert(at, (letter, envelope));
        }
    }
}
