//! From a key to its partition.

use crate::message::{KeySink, needs_escape, needs_escape_in};

/// How many partitions a service has unless it says otherwise.
pub const DEFAULT_PARTITIONS: u32 = 32;

/// The partition of a key with this FNV-1a-32 hash: the remainder.
///
/// It is part of the wire contract, and the same as `partition(n, token)` of a NATS server.
///
/// # Panics
///
/// If `partitions` is 0.
///
/// # Examples
///
/// ```
/// use catga::routing::{DEFAULT_PARTITIONS, Key, partition_of};
///
/// let hash = Key::from_text("order-7").fnv1a32();
/// assert_eq!(hash, 0x257F_C3FB);
/// assert_eq!(partition_of(hash, DEFAULT_PARTITIONS), 27);
/// ```
#[inline]
#[must_use]
pub const fn partition_of(hash: u32, partitions: u32) -> u32 {
    hash % partitions
}

/// FNV-1a with 32 bits, over the bytes of a key as they come: no text is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fnv1a32(u32);

impl Fnv1a32 {
    const OFFSET_BASIS: u32 = 0x811C_9DC5;
    const PRIME: u32 = 0x0100_0193;

    pub(super) const fn new() -> Self {
        Self(Self::OFFSET_BASIS)
    }

    pub(super) const fn hash(self) -> u32 {
        self.0
    }

    const fn step(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u32).wrapping_mul(Self::PRIME))
    }
}

impl KeySink for Fnv1a32 {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        // Each step waits for the one before, so the loop around them should cost nothing.
        let (chunks, rest) = bytes.as_chunks::<8>();
        let step = |hash: Self, byte: &u8| hash.step(*byte);
        let hash = (chunks.iter()).fold(*self, |hash, chunk| chunk.iter().fold(hash, step));
        *self = rest.iter().fold(hash, step);
    }

    #[inline]
    fn write_plain(&mut self, bytes: &[u8]) -> bool {
        let (chunks, rest) = bytes.as_chunks::<8>();
        let step = |hash: Self, byte: &u8| hash.step(*byte);
        let (mut hash, mut found) = (*self, false);
        // Looked for while the hash waits for its own steps.
        for chunk in chunks {
            found |= needs_escape_in(*chunk);
            hash = chunk.iter().fold(hash, step);
        }
        for byte in rest {
            found |= needs_escape(byte);
            hash = step(hash, byte);
        }
        if !found {
            *self = hash;
        }
        !found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(pieces: &[&[u8]]) -> u32 {
        let mut hash = Fnv1a32::new();
        for piece in pieces {
            hash.write(piece);
        }
        hash.hash()
    }

    /// From the authors' own list of test vectors.
    #[test]
    fn published_vectors() {
        assert_eq!(hash(&[b""]), 0x811C_9DC5);
        assert_eq!(hash(&[b"a"]), 0xE40C_292C);
        assert_eq!(hash(&[b"foobar"]), 0xBF9C_F968);
    }

    #[test]
    fn pieces_do_not_matter() {
        assert_eq!(hash(&[b"foo", b"", b"bar"]), hash(&[b"foobar"]));
    }
}
