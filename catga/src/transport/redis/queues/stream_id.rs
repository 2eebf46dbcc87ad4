use std::fmt;

use redis::Value;

use crate::transport::Position;

/// How many bits of a sequence count what was stored within one millisecond. The milliseconds
/// have the other 42, which is enough until the year 2109.
const BITS: u32 = 22;

/// The id of an entry in its stream, `MILLISECONDS-NUMBER`.
///
/// The server gives ids by its clock and never lets them fall: where the clock falls back, it
/// counts on within the last millisecond. Ids rise and do not come again, also after everything
/// was deleted, so they are fit to be sequences: both numbers side by side in one. A script that
/// appends goes to the next millisecond before the second one needs more than its bits. (A program
/// that chooses ids of its own for the door must stay within them.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamId {
    pub(super) milliseconds: u64,
    number: u64,
}

impl StreamId {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (milliseconds, number) = std::str::from_utf8(text).ok()?.split_once('-')?;
        Some(Self {
            milliseconds: milliseconds.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    pub(super) fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::BulkString(text) => Self::parse(text),
            _ => None,
        }
    }

    pub(super) fn sequence(self) -> u64 {
        (self.milliseconds << BITS).wrapping_add(self.number)
    }

    pub(super) fn position(self) -> Position {
        Position {
            sequence: self.sequence(),
            stored: self.milliseconds,
        }
    }

    pub(super) fn of_position(position: &Position) -> Self {
        Self {
            milliseconds: position.stored,
            // Exact for whatever number there was.
            number: position.sequence.wrapping_sub(position.stored << BITS),
        }
    }

    pub(super) fn of_sequence(sequence: u64) -> Self {
        Self {
            milliseconds: sequence >> BITS,
            number: sequence & ((1 << BITS) - 1),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.milliseconds, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_id(text: &str) -> StreamId {
        StreamId::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn sequences_rise_with_ids() {
        let ids = [
            "0-1",
            "1-0",
            "5-0",
            "1795354220123-0",
            "1795354220123-4194303",
            "1795354220124-0",
        ];
        let mut last = 0;
        for id in ids {
            let sequence = stream_id(id).sequence();
            assert!(sequence > last, "{id}");
            assert_eq!(StreamId::of_sequence(sequence), stream_id(id));
            last = sequence;
        }
    }

    #[test]
    fn a_position_has_its_id() {
        for id in [
            "1795354220123-7",
            "1795354220123-99999999",
            "18446744073709551615-18446744073709551615",
        ] {
            let position = stream_id(id).position();
            assert_eq!(StreamId::of_position(&position).to_string(), id);
        }
        assert_eq!(
            stream_id("1795354220123-7").position().stored,
            1_795_354_220_123
        );
    }

    #[test]
    fn nonsense_is_no_id() {
        for text in ["", "-", "1", "1-", "-1", "a-b", "18446744073709551616-0"] {
            assert_eq!(StreamId::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(StreamId::parse(b"\xff-1"), None);
    }
}
