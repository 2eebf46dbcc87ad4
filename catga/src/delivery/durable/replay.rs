use std::sync::Arc;

use tokio::time::Instant;

use super::Engine;
use super::letters::{entry_of_letter, letter_of};
use super::store::answer;
use super::writer::How;
use crate::cluster::Taker;
use crate::delivery::DeadLetter;
use crate::node::Core;
use crate::transport::{AppendError, Appended, DOOR, REPLAY, REPLAY_HANDLER, TransportError};

/// How many dead letters are read at once.
const PAGE: usize = 256;

impl Engine {
    /// The dead letters of the service behind a number, oldest first; at most `limit` of them.
    pub(crate) async fn letters(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, TransportError> {
        self.letters_of(&self.service, after, limit).await
    }

    /// The same of the front door.
    pub(crate) async fn unclaimed(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, TransportError> {
        self.letters_of(&DOOR.into(), after, limit).await
    }

    async fn letters_of(
        &self,
        service: &Arc<str>,
        mut after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, TransportError> {
        let queues = self.cluster.transport.queues();
        let mut letters: Vec<DeadLetter> = Vec::new();
        let mut page_size = PAGE;
        while letters.len() < limit {
            let page = page_size.min(limit - letters.len());
            let read = queues.letters(service, after, page);
            let found = match self.cluster.limited("read dead letters", read).await {
                Ok(found) => found,
                // Some brokers are asked for each letter of a page: where they are slow, each has all
                // of the time.
                Err(_) if page > 1 => {
                    page_size = 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(last) = found.last() else { break };
            after = last.number;
            let unclaimed = **service == *DOOR;
            letters.extend(found.into_iter().map(|letter| letter_of(letter, unclaimed)));
        }
        Ok(letters)
    }

    /// Whether a dead letter is still there.
    pub(crate) async fn has_letter(&self, letter: &DeadLetter) -> Result<bool, TransportError> {
        let before = letter.number().saturating_sub(1);
        let found = self.letters_of(&self.keeper(letter), before, 1).await?;
        Ok(found
            .first()
            .is_some_and(|found| (found.number(), found.id()) == (letter.number(), letter.id())))
    }

    /// Drops a dead letter; `false` if it is not there.
    pub(crate) async fn discard(&self, letter: &DeadLetter) -> Result<bool, TransportError> {
        if !self.has_letter(letter).await? {
            return Ok(false);
        }
        let keeper = self.keeper(letter);
        let queues = self.cluster.transport.queues();
        let discard = queues.discard(&keeper, letter.number());
        self.cluster.limited("drop a dead letter", discard).await
    }

    /// Whose dead letter it is.
    fn keeper(&self, letter: &DeadLetter) -> Arc<str> {
        if letter.unclaimed {
            DOOR.into()
        } else {
            Arc::clone(&self.service)
        }
    }

    /// Stores the message of a dead letter at the tail of its queue.
    pub(crate) async fn replay(
        &self,
        core: &Core,
        letter: &DeadLetter,
        deadline: Instant,
    ) -> Result<Appended, AppendError> {
        let mut entry = entry_of_letter(letter);
        // Its letters have numbers of their own.
        let of = if letter.unclaimed { "door-" } else { "" };
        let number = format!("{of}{}", letter.number());
        entry.headers.insert(REPLAY, number);
        // One that no handler gave up is for whom it was before: for all, or for the one of a replay.
        if let Some(handler) = letter.handler() {
            entry.headers.insert(REPLAY_HANDLER, handler);
        }
        let entry = Arc::new(entry);
        if letter.unclaimed {
            return self.pass_on(core, &entry, deadline).await;
        }
        let own = Taker {
            service: Arc::clone(&self.service),
            partitions: self.cluster.settings.partitions,
        };
        // Given: where it is stored and the letter could not be dropped, it is replayed once more.
        let handed = self.hand_over(core, &own, &entry, How::given(deadline));
        answer(handed).await
    }
}
