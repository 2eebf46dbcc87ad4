//! What was handled and may be sent again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::partition::Fingerprint;

/// How many of the newest entries of a partition are told apart one by one; few in tests and in
/// simulations, so that there are ranges.
const RECENT: usize = if cfg!(any(test, feature = "testing")) {
    4
} else {
    1_024
};
/// How much the next owner is told, ranges and single entries together.
const TOLD: usize = 10_000;

/// The entries of a partition that were handled and that the broker may still have.
///
/// One entry that stays for long keeps all behind it from being proven. So only the newest are kept
/// one by one; those before them are ranges, of which there is one more for each entry in between
/// that is not handled.
#[derive(Debug, Clone, Default)]
pub(super) struct Handled {
    recent: BTreeMap<u64, (Fingerprint, Arrival)>,
    /// By their first sequence. None overlaps another.
    ranges: BTreeMap<u64, Range>,
}

/// The place of an entry among all that came of its partition. Whatever is stored between two that
/// came one right after the other came before, and was handled.
///
/// `None` for an entry that did not come in order, which is next to no other.
pub(super) type Arrival = Option<u64>;

/// Entries that came one right after the other and were handled.
#[derive(Debug, Clone, Copy)]
struct Range {
    last: u64,
    /// When the first and the last of them were stored. What is stored in their places after the
    /// queue fell back is stored later.
    since: u64,
    until: u64,
    arrivals: (Arrival, Arrival),
}

/// A range as the next owner is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldRange(u64, u64, u64, u64);

impl Handled {
    /// An entry was handled. `sure` where it came from the queue as it is now, in which no other
    /// entry has its sequence.
    pub(super) fn add(
        &mut self,
        sequence: u64,
        fingerprint: Fingerprint,
        arrival: Arrival,
        sure: bool,
    ) {
        if sure {
            self.recent.insert(sequence, (fingerprint, arrival));
        } else {
            self.recent
                .entry(sequence)
                .or_insert((fingerprint, arrival));
        }
        while self.recent.len() > RECENT {
            if let Some((sequence, (fingerprint, arrival))) = self.recent.pop_first() {
                let range = Range {
                    last: sequence,
                    since: fingerprint.stored,
                    until: fingerprint.stored,
                    arrivals: (arrival, arrival),
                };
                self.widen(sequence, range);
            }
        }
    }

    /// Whether an entry was handled; `None` if nothing is known of its place, and `Some(false)` if
    /// another entry had it.
    pub(super) fn knows(&self, sequence: u64, fingerprint: Fingerprint) -> Option<bool> {
        if let Some((known, _)) = self.recent.get(&sequence) {
            return Some(*known == fingerprint);
        }
        let (_, range) = self.ranges.range(..=sequence).next_back()?;
        (sequence <= range.last).then(|| (range.since..=range.until).contains(&fingerprint.stored))
    }

    /// The broker has removed an entry. Where it is in a range already, that is proven later.
    pub(super) fn removed(&mut self, sequence: u64) {
        self.recent.remove(&sequence);
    }

    /// The broker has nothing before this.
    pub(super) fn proven(&mut self, gone: u64) {
        self.recent = self.recent.split_off(&gone);
        while let Some(first) = self.ranges.first_entry()
            && first.get().last < gone
        {
            first.remove();
        }
    }

    /// Forgets everything from here on: the queue fell back, and other entries stand there now.
    pub(super) fn forget_from(&mut self, sequence: u64) {
        self.recent.split_off(&sequence);
        self.ranges.split_off(&sequence);
        if let Some((_, range)) = self.ranges.iter_mut().next_back()
            && range.last >= sequence
        {
            range.last = sequence.saturating_sub(1);
            // What comes there now is no neighbour of what is left.
            range.arrivals.1 = None;
        }
    }

    pub(super) fn first(&self) -> Option<u64> {
        let fingerprint = self.recent.first_key_value().map(|(first, _)| *first);
        let range = self.ranges.first_key_value().map(|(first, _)| *first);
        fingerprint.into_iter().chain(range).min()
    }

    pub(super) fn last(&self) -> Option<u64> {
        let fingerprint = self.recent.last_key_value().map(|(last, _)| *last);
        let range = self.ranges.last_key_value().map(|(_, range)| range.last);
        fingerprint.into_iter().chain(range).max()
    }

    /// The newest one by one, and the ranges before them, for the next owner. Of too many the oldest
    /// are left out, which are the most likely to be gone.
    pub(super) fn tell(&self) -> (Vec<(u64, Fingerprint)>, Vec<ToldRange>) {
        let recent = self.recent.iter();
        let recent: Vec<_> = recent
            .map(|(sequence, (fingerprint, _))| (*sequence, *fingerprint))
            .collect();
        let told = TOLD.saturating_sub(recent.len());
        let ranges = self.ranges.iter();
        let ranges = ranges
            .skip(self.ranges.len().saturating_sub(told))
            .map(|(first, range)| ToldRange(*first, range.last, range.since, range.until));
        (recent, ranges.collect())
    }

    /// What the owner before has told.
    pub(super) fn learn(&mut self, recent: Vec<(u64, Fingerprint)>, ranges: Vec<ToldRange>) {
        for ToldRange(first, last, since, until) in ranges {
            let range = Range {
                last,
                since,
                until,
                arrivals: (None, None),
            };
            self.fill(first, range);
        }
        for (sequence, fingerprint) in recent {
            self.add(sequence, fingerprint, None, true);
        }
    }

    /// Adds one entry, together with what is right before and behind it.
    fn widen(&mut self, mut first: u64, mut range: Range) {
        if let Some((&start, before)) = self.ranges.range(..=first).next_back() {
            if before.last >= first {
                return;
            }
            if let Some(both) = before.joined(&range) {
                (first, range) = (start, both);
            }
        }
        if let Some((&start, behind)) = self.ranges.range(range.last..).next()
            && let Some(both) = range.joined(behind)
        {
            self.ranges.remove(&start);
            range = both;
        }
        self.ranges.insert(first, range);
    }

    /// Adds a range where nothing is known yet.
    fn fill(&mut self, mut first: u64, range: Range) {
        while first <= range.last {
            let before = self.ranges.range(..=first).next_back();
            let known = before
                .map(|(_, before)| before.last)
                .filter(|last| *last >= first);
            let last = known.unwrap_or_else(|| {
                let behind = self.ranges.range(first..).next();
                let last = behind.map_or(range.last, |(start, _)| range.last.min(start - 1));
                self.ranges.insert(first, Range { last, ..range });
                last
            });
            let Some(next) = last.checked_add(1) else {
                return;
            };
            first = next;
        }
    }
}

impl Range {
    /// Both as one, if nothing that is not handled can stand between them.
    fn joined(&self, behind: &Self) -> Option<Self> {
        let (last, next) = (self.arrivals.1?, behind.arrivals.0?);
        (last + 1 == next && self.until <= behind.since).then_some(Self {
            last: behind.last,
            since: self.since,
            until: behind.until,
            arrivals: (self.arrivals.0, behind.arrivals.1),
        })
    }
}
