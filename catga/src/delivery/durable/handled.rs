//! What was handled and may be sent again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::partition::Mark;

/// How many of the newest entries of a partition are told apart one by one; few in tests and in
/// simulations, so that there are ranges.
const MARKS: usize = if cfg!(any(test, feature = "testing")) {
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
    marks: BTreeMap<u64, (Mark, Turn)>,
    /// By their first sequence. None overlaps another.
    ranges: BTreeMap<u64, Range>,
}

/// The place of an entry among all that came of its partition. Whatever is stored between two that
/// came one right after the other came before, and was handled.
///
/// `None` for an entry that did not come in order, which is next to no other.
pub(super) type Turn = Option<u64>;

/// Entries that came one right after the other and were handled.
#[derive(Debug, Clone, Copy)]
struct Range {
    last: u64,
    /// When the first and the last of them were stored. What is stored in their places after the
    /// queue fell back is stored later.
    since: u64,
    until: u64,
    turns: (Turn, Turn),
}

/// A range as the next owner is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldRange(u64, u64, u64, u64);

impl Handled {
    /// An entry was handled. `sure` where it came from the queue as it is now, in which no other
    /// entry has its sequence.
    pub(super) fn add(&mut self, sequence: u64, mark: Mark, turn: Turn, sure: bool) {
        if sure {
            self.marks.insert(sequence, (mark, turn));
        } else {
            self.marks.entry(sequence).or_insert((mark, turn));
        }
        while self.marks.len() > MARKS {
            if let Some((sequence, (mark, turn))) = self.marks.pop_first() {
                let range = Range {
                    last: sequence,
                    since: mark.stored,
                    until: mark.stored,
                    turns: (turn, turn),
                };
                self.widen(sequence, range);
            }
        }
    }

    /// Whether an entry was handled; `None` if nothing is known of its place, and `Some(false)` if
    /// another entry had it.
    pub(super) fn knows(&self, sequence: u64, mark: Mark) -> Option<bool> {
        if let Some((known, _)) = self.marks.get(&sequence) {
            return Some(*known == mark);
        }
        let (_, range) = self.ranges.range(..=sequence).next_back()?;
        (sequence <= range.last).then(|| (range.since..=range.until).contains(&mark.stored))
    }

    /// The broker has removed an entry. Where it is in a range already, that is proven later.
    pub(super) fn removed(&mut self, sequence: u64) {
        self.marks.remove(&sequence);
    }

    /// The broker has nothing before this.
    pub(super) fn proven(&mut self, gone: u64) {
        self.marks = self.marks.split_off(&gone);
        while let Some(first) = self.ranges.first_entry()
            && first.get().last < gone
        {
            first.remove();
        }
    }

    /// Forgets everything from here on: the queue fell back, and other entries stand there now.
    pub(super) fn forget_from(&mut self, sequence: u64) {
        self.marks.split_off(&sequence);
        self.ranges.split_off(&sequence);
        if let Some((_, range)) = self.ranges.iter_mut().next_back()
            && range.last >= sequence
        {
            range.last = sequence.saturating_sub(1);
            // What comes there now is no neighbour of what is left.
            range.turns.1 = None;
        }
    }

    pub(super) fn first(&self) -> Option<u64> {
        let mark = self.marks.first_key_value().map(|(first, _)| *first);
        let range = self.ranges.first_key_value().map(|(first, _)| *first);
        mark.into_iter().chain(range).min()
    }

    pub(super) fn last(&self) -> Option<u64> {
        let mark = self.marks.last_key_value().map(|(last, _)| *last);
        let range = self.ranges.last_key_value().map(|(_, range)| range.last);
        mark.into_iter().chain(range).max()
    }

    /// The newest one by one, and the ranges before them, for the next owner. Of too many the oldest
    /// are left out, which are the most likely to be gone.
    pub(super) fn tell(&self) -> (Vec<(u64, Mark)>, Vec<ToldRange>) {
        let marks = self.marks.iter();
        let marks: Vec<_> = marks
            .map(|(sequence, (mark, _))| (*sequence, *mark))
            .collect();
        let told = TOLD.saturating_sub(marks.len());
        let ranges = self.ranges.iter();
        let ranges = ranges
            .skip(self.ranges.len().saturating_sub(told))
            .map(|(first, range)| ToldRange(*first, range.last, range.since, range.until));
        (marks, ranges.collect())
    }

    /// What the owner before has told.
    pub(super) fn learn(&mut self, marks: Vec<(u64, Mark)>, ranges: Vec<ToldRange>) {
        for ToldRange(first, last, since, until) in ranges {
            let range = Range {
                last,
                since,
                until,
                turns: (None, None),
            };
            self.fill(first, range);
        }
        for (sequence, mark) in marks {
            self.add(sequence, mark, None, true);
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
        let (last, next) = (self.turns.1?, behind.turns.0?);
        (last + 1 == next && self.until <= behind.since).then_some(Self {
            last: behind.last,
            since: self.since,
            until: behind.until,
            turns: (self.turns.0, behind.turns.1),
        })
    }
}
