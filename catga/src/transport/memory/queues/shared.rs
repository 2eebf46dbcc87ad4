use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::admission::Admission;
use super::attributes::content;
use crate::transport::{
    Append, AppendError, Appended, Entry, GIVE_BACK_DELAY, Position, Shared, Ticket, VISIBILITY,
};

/// The shared queue of a service.
#[derive(Debug, Default)]
pub(super) struct SharedQueue {
    admission: Admission,
    /// What nobody has taken yet.
    fresh: VecDeque<Item>,
    /// What came back, by its sequence: older than what is fresh.
    back: BTreeMap<u64, Item>,
    hidden: HashMap<u64, Hidden>,
    /// When something may come back. An entry that was extended or left has outdated ones.
    deadlines: VecDeque<(Instant, u64)>,
    /// Wakes one consumer.
    pub(super) wake: Arc<Notify>,
}

#[derive(Debug, Clone)]
struct Item {
    position: Position,
    entry: Arc<Entry>,
    taken: u32,
    /// Who gave it back, and when.
    left: Option<(Arc<str>, Instant)>,
}

impl Item {
    /// Until when it is left to others than this node.
    fn left_until(&self, node: &str) -> Option<Instant> {
        let (by, at) = self.left.as_ref()?;
        (**by == *node).then(|| *at + GIVE_BACK_DELAY)
    }
}

#[derive(Debug)]
struct Hidden {
    item: Item,
    by: Arc<str>,
    token: Arc<str>,
    until: Instant,
}

impl SharedQueue {
    /// Whoever has taken something of it does not have it of the copy.
    pub(super) fn copy(&self) -> Self {
        let hidden = self.hidden.iter();
        let hidden = hidden.map(|(sequence, hidden)| (*sequence, hidden.item.clone()));
        let mut back = self.back.clone();
        back.extend(hidden);
        Self {
            admission: self.admission.clone(),
            fresh: self.fresh.clone(),
            back,
            ..Self::default()
        }
    }

    pub(super) fn append(
        &mut self,
        writer: u64,
        entries: &[Append],
        capacity: usize,
    ) -> Vec<Result<Appended, AppendError>> {
        let held = self.fresh.len() + self.back.len() + self.hidden.len();
        let room = capacity.saturating_sub(held);
        let fresh = &mut self.fresh;
        let answers = self
            .admission
            .append(writer, entries, room, |position, entry| {
                fresh.push_back(Item {
                    position,
                    entry,
                    taken: 0,
                    left: None,
                });
            });
        self.wake_one();
        answers
    }

    /// Takes what is there, under a token that was never used before, and hides it.
    pub(super) fn take(
        &mut self,
        node: &str,
        room: usize,
        token: impl FnOnce() -> Arc<str>,
    ) -> Vec<Shared> {
        let now = Instant::now();
        self.show_again(now);
        let back = self.back.iter();
        let back = back.filter(|(_, item)| item.left_until(node).is_none_or(|until| until <= now));
        let back: Vec<u64> = back.map(|(sequence, _)| *sequence).take(room).collect();
        if self.fresh.is_empty() && back.is_empty() {
            return Vec::new();
        }
        let until = now + VISIBILITY;
        let (by, token) = (Arc::from(node), token());
        let mut back = back.into_iter();
        let mut taken = Vec::new();
        while taken.len() < room {
            let back = back.next().and_then(|sequence| self.back.remove(&sequence));
            let Some(mut item) = back.or_else(|| self.fresh.pop_front()) else {
                break;
            };
            item.left = None;
            item.taken = item.taken.saturating_add(1);
            taken.push(Shared {
                ticket: Ticket {
                    position: item.position,
                    token: Arc::clone(&token),
                },
                taken: item.taken,
                entry: content(&item.entry),
            });
            let (by, token) = (Arc::clone(&by), Arc::clone(&token));
            self.deadlines.push_back((until, item.position.sequence));
            let hidden = Hidden {
                item,
                by,
                token,
                until,
            };
            self.hidden.insert(hidden.item.position.sequence, hidden);
        }
        // More than this consumer has room for.
        self.wake_one();
        taken
    }

    /// Until when a consumer that found nothing may sleep if nobody wakes it. What is taken later
    /// is hidden for longer than that.
    pub(super) fn look_again(&self, node: &str) -> Instant {
        let first = self.deadlines.front().map(|(until, _)| *until);
        let left = self.back.values();
        let left = left.filter_map(|item| item.left_until(node)).min();
        let latest = Instant::now() + VISIBILITY;
        first.into_iter().chain(left).fold(latest, Instant::min)
    }

    pub(super) fn extend(&mut self, ticket: &Ticket) {
        if let Some(hidden) = self.hidden_by(ticket) {
            let until = Instant::now() + VISIBILITY;
            hidden.until = until;
            self.deadlines.push_back((until, ticket.position.sequence));
            self.drop_outdated();
        }
    }

    /// Removes an entry whoever has it by now: it was handled.
    pub(super) fn settle(&mut self, ticket: &Ticket) {
        let sequence = ticket.position.sequence;
        let hidden = self.hidden.get(&sequence);
        if hidden.is_some_and(|hidden| hidden.item.position == ticket.position) {
            self.hidden.remove(&sequence);
            self.drop_outdated();
        }
        let back = self.back.get(&sequence);
        if back.is_some_and(|item| item.position == ticket.position) {
            self.back.remove(&sequence);
        }
    }

    pub(super) fn give_back(&mut self, ticket: &Ticket) {
        let sequence = ticket.position.sequence;
        if self.hidden_by(ticket).is_some()
            && let Some(Hidden { mut item, by, .. }) = self.hidden.remove(&sequence)
        {
            item.left = Some((by, Instant::now()));
            self.back.insert(sequence, item);
            self.drop_outdated();
            // The one may be the one that gave it back.
            self.wake.notify_waiters();
            self.wake_one();
        }
    }

    fn hidden_by(&mut self, ticket: &Ticket) -> Option<&mut Hidden> {
        let hidden = self.hidden.get_mut(&ticket.position.sequence)?;
        let same = hidden.item.position == ticket.position && hidden.token == ticket.token;
        same.then_some(hidden)
    }

    fn wake_one(&self) {
        if !self.fresh.is_empty() || !self.back.is_empty() {
            self.wake.notify_one();
        }
    }

    /// Shows what was hidden for long enough.
    fn show_again(&mut self, now: Instant) {
        while let Some((until, sequence)) = self.deadlines.front().copied() {
            let due = self.is_due(until, sequence);
            if due && until > now {
                return;
            }
            self.deadlines.pop_front();
            if due && let Some(hidden) = self.hidden.remove(&sequence) {
                self.back.insert(sequence, hidden.item);
            }
        }
    }

    fn is_due(&self, until: Instant, sequence: u64) -> bool {
        let hidden = self.hidden.get(&sequence);
        hidden.is_some_and(|hidden| hidden.until == until)
    }

    /// Keeps the deadlines from growing beyond what is hidden.
    fn drop_outdated(&mut self) {
        while let Some((until, sequence)) = self.deadlines.front().copied() {
            if self.is_due(until, sequence) {
                break;
            }
            self.deadlines.pop_front();
        }
        if self.deadlines.len() > 64 + self.hidden.len() * 2 {
            let hidden = &self.hidden;
            self.deadlines.retain(|(until, sequence)| {
                (hidden.get(sequence)).is_some_and(|hidden| hidden.until == *until)
            });
        }
    }
}
