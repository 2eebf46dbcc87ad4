//! How well a node suits a number: the one function behind rendezvous and the ring.

use xxhash_rust::xxh3::xxh3_64;

use crate::node::NodeId;

/// XXH3-64 with seed 0 over the node's id, U+001F and the number in decimal digits.
///
/// The number is a partition for the assignment, and a virtual node for the ring, whose point it
/// gives. Part of the wire contract: all nodes of a cluster must compute the same.
#[derive(Debug)]
pub(super) struct Score {
    text: Vec<u8>,
    prefix: usize,
}

impl Score {
    pub(super) fn of(node: &NodeId) -> Self {
        let mut text = node.as_str().as_bytes().to_vec();
        text.push(0x1F);
        Self {
            prefix: text.len(),
            text,
        }
    }

    pub(super) fn at(&mut self, number: usize) -> u64 {
        self.text.truncate(self.prefix);
        self.text
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        xxh3_64(&self.text)
    }
}

/// The same for one number alone.
pub(crate) fn score(node: &NodeId, number: usize) -> u64 {
    Score::of(node).at(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation, through `tests/golden/generate.py`'s own library.
    #[test]
    fn never_changes() {
        let mut score = Score::of(&NodeId::new("orders-a"));
        assert_eq!(score.at(0), 0xA7F9_5C99_9CB8_080E);
        assert_eq!(score.at(149), 0xB0B9_AB8E_D61D_1804);
        assert_eq!(
            score.at(0),
            0xA7F9_5C99_9CB8_080E,
            "the scores before leave nothing behind"
        );
    }
}
