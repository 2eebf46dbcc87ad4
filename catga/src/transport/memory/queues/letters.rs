use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

use super::attributes::content;
use super::seen::Seen;
use crate::transport::{Entry, StoredLetter};

/// The dead letters of a service.
#[derive(Debug, Clone)]
pub(super) struct Letters {
    last: u64,
    letters: BTreeMap<u64, Arc<Entry>>,
    seen: Seen,
}

impl Default for Letters {
    fn default() -> Self {
        Self {
            last: 0,
            letters: BTreeMap::new(),
            seen: Seen::at_most(usize::MAX),
        }
    }
}

impl Letters {
    /// Stores a letter, unless it was stored under the same id a short time ago.
    pub(super) fn store(&mut self, id: &str, letter: &Entry) {
        let now = Instant::now();
        self.seen.forget(now);
        let key = xxh3_128(id.as_bytes());
        if !self.seen.has(key) {
            self.seen.insert(key, now);
            self.last += 1;
            self.letters.insert(self.last, Arc::new(letter.clone()));
        }
    }

    pub(super) fn after(&self, number: u64, limit: usize) -> Vec<StoredLetter> {
        let Some(first) = number.checked_add(1) else {
            return Vec::new();
        };
        let found = self.letters.range(first..).take(limit);
        let letter = |(number, letter): (&u64, &Arc<Entry>)| StoredLetter {
            number: *number,
            letter: content(letter),
        };
        found.map(letter).collect()
    }

    pub(super) fn discard(&mut self, number: u64) -> bool {
        self.letters.remove(&number).is_some()
    }
}
