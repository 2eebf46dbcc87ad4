//! How often the program allocates.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Bytes that were allocated and not freed.
static GROWTH: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, which counts while [`count`] runs.
///
/// It counts on request only: an atomic addition per allocation would be measured as well, on the
/// side of those who allocate.
///
/// # Examples
///
/// ```
/// use catga_benches::allocations::{self, CountingAllocator};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// assert_eq!(allocations::count(|| drop(Box::new(1))), 1);
/// ```
#[derive(Debug)]
pub struct CountingAllocator;

#[inline]
fn note(size: usize) {
    if COUNTING.load(Relaxed) {
        COUNT.fetch_add(1, Relaxed);
        GROWTH.fetch_add(bytes(size), Relaxed);
    }
}

#[inline]
fn note_freed(size: usize) {
    if COUNTING.load(Relaxed) {
        GROWTH.fetch_sub(bytes(size), Relaxed);
    }
}

/// No allocation is larger than this type tells.
fn bytes(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

// SAFETY: each method passes its arguments on to `System` unchanged, so what holds for the
// caller's layout and pointer holds there; counting touches neither.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract, and it is the same one.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note_freed(layout.size());
        note(new_size);
        // SAFETY: as for `alloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note_freed(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Counts the allocations and reallocations of all threads while `work` runs.
///
/// Zero unless [`CountingAllocator`] is the program's global allocator.
pub fn count(work: impl FnOnce()) -> u64 {
    COUNT.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
    work();
    COUNTING.store(false, Relaxed);
    COUNT.load(Relaxed)
}

/// The bytes that all threads allocate and do not free while `work` runs; negative where what was
/// allocated before is freed.
///
/// Zero unless [`CountingAllocator`] is the program's global allocator.
pub fn growth(work: impl FnOnce()) -> i64 {
    GROWTH.store(0, Relaxed);
    count(work);
    GROWTH.load(Relaxed)
}
