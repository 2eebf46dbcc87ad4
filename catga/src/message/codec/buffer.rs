//! Where a payload is written: its size is not known before, and a message that waits should hold no
//! more than it needs.

use std::cell::Cell;

use bytes::Bytes;

/// A larger buffer is given away as it is, and not kept.
const KEPT: usize = 16 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The empty buffer of this thread; a new one where a payload is written within a payload.
pub(super) fn take() -> Vec<u8> {
    BUFFER.try_with(Cell::take).unwrap_or_default()
}

/// What was written.
pub(super) fn finish(mut buffer: Vec<u8>) -> Bytes {
    if buffer.capacity() > KEPT {
        return buffer.into();
    }
    let written = Bytes::copy_from_slice(&buffer);
    buffer.clear();
    // At the end of its thread it is not kept.
    let _ = BUFFER.try_with(|kept| kept.set(buffer));
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> Bytes {
        let mut buffer = take();
        assert!(buffer.is_empty());
        buffer.extend_from_slice(bytes);
        finish(buffer)
    }

    #[test]
    fn a_buffer_serves_again_and_starts_empty() {
        assert_eq!(written(b"first"), "first");
        let mut outer = take();
        assert!(outer.capacity() >= 5);
        outer.extend_from_slice(b"outer");
        assert_eq!(written(b"inner"), "inner");
        assert_eq!(finish(outer), "outer");
    }

    #[test]
    fn a_large_buffer_is_not_kept() {
        let large = vec![7; KEPT + 1];
        assert_eq!(written(&large), large);
        assert_eq!(take().capacity(), 0);
    }
}
