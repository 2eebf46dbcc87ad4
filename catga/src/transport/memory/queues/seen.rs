use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How long what was stored is known by its id.
const WINDOW: Duration = Duration::from_secs(120);

/// Tables of this size are kept.
const SMALL: usize = 64;

/// What was seen within the window, and not more than so many of them.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    keys: HashSet<u128>,
    order: VecDeque<(Instant, u128)>,
    most: usize,
}

impl Seen {
    pub(super) fn at_most(most: usize) -> Self {
        Self {
            keys: HashSet::new(),
            order: VecDeque::new(),
            most,
        }
    }

    pub(super) fn has(&self, key: u128) -> bool {
        self.keys.contains(&key)
    }

    pub(super) fn insert(&mut self, key: u128, now: Instant) {
        if self.keys.insert(key) {
            self.order.push_back((now, key));
        }
        if self.order.len() > self.most {
            self.drop_oldest();
        }
    }

    /// Forgets what is older than the window.
    pub(super) fn forget(&mut self, now: Instant) {
        while (self.order.front()).is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.drop_oldest();
        }
        self.shrink();
    }

    /// Gives back what a busy time has needed, and is not needed now.
    fn shrink(&mut self) {
        let (count, room) = (self.order.len(), self.order.capacity());
        if room > SMALL && count < room / 4 {
            self.order.shrink_to(2 * count);
            self.keys.shrink_to(2 * count);
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.keys.remove(&key);
        }
    }
}
