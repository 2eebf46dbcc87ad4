/// As many entries of one stream come with one read.
const MOST: usize = 500;

/// What one read may bring, in bytes, if all streams are full of entries like the last ones.
const BYTES: usize = 32 << 20;

/// How much to ask for: the server counts for each stream, and there is room for what comes from
/// all of them together.
#[derive(Debug)]
pub(super) struct Pace {
    streams: usize,
    /// How many of them had something in the last read.
    active: usize,
    /// How large entries are.
    size: usize,
}

impl Pace {
    pub(super) fn new(streams: usize) -> Self {
        Self {
            streams,
            active: streams,
            size: 0,
        }
    }

    /// How many entries of each stream to ask for. Where few of them are busy these may have more
    /// than their share; if all become busy at once, some wait here.
    pub(super) fn count(&self, room: usize) -> usize {
        let share = room / self.active.max(1);
        let bearable = BYTES / (self.size * self.streams).max(1);
        share.min(bearable).clamp(1, MOST)
    }

    /// What the last read brought.
    pub(super) fn took(&mut self, active: usize, entries: usize, bytes: usize) {
        if let Some(size) = bytes.checked_div(entries) {
            self.active = active;
            // Falls slowly, since a large one may be followed by another.
            self.size = size.max(self.size - self.size / 8);
        } else {
            self.active = self.streams;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_streams_share_the_room() {
        let mut pace = Pace::new(32);
        assert_eq!(pace.count(1_024), 32);
        pace.took(1, 32, 32 * 256);
        assert_eq!(pace.count(1_024), MOST);
        assert_eq!(pace.count(100), 100);
        pace.took(4, 128, 128 * 256);
        assert_eq!(pace.count(1_000), 250);
        pace.took(0, 0, 0);
        assert_eq!(pace.count(1_024), 32);
        assert_eq!(pace.count(1), 1);
    }

    #[test]
    fn large_entries_come_a_few_at_a_time() {
        let mut pace = Pace::new(32);
        pace.took(1, 2, 2 << 20);
        assert_eq!(pace.count(10_000), 1);
        for _ in 0..100 {
            pace.took(1, 1, 256);
        }
        assert_eq!(pace.count(10_000), MOST);
    }
}
