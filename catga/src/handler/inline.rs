//! A future stored in place: the only `unsafe` code of the crate.
//!
//! Handlers have futures of different types behind one table, and a box for each call would be
//! the largest cost of a local `send`. An [`InlineFuture`] keeps a future of up to [`SIZE`] bytes
//! in its own storage, beside the two functions that know its type; a larger one is boxed once.

#![allow(unsafe_code)]

use std::fmt;
use std::marker::{PhantomData, PhantomPinned};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The largest future that is stored without a box, in bytes.
pub(crate) const SIZE: usize = 256;
const ALIGN: usize = 16;

#[repr(C, align(16))]
struct Storage(MaybeUninit<[u8; SIZE]>);

/// What is done with a stored future, by functions that know its type.
struct VTable<T: 'static> {
    /// # Safety
    /// The pointer is to a live, pinned future of the type this table was made for.
    poll: unsafe fn(*mut u8, &mut Context<'_>) -> Poll<T>,
    /// # Safety
    /// As for `poll`; the future must not be used again.
    drop: unsafe fn(*mut u8),
}

/// At most one future with output `T`, stored in place.
pub(crate) struct InlineFuture<T: 'static> {
    /// `Some` exactly while `storage` holds a live future of that table's type.
    vtable: Option<&'static VTable<T>>,
    storage: Storage,
    /// Stored futures may borrow from themselves, so this must not move once one is stored.
    _pinned: PhantomPinned,
    /// Neither `Send` nor `Sync` by itself: see the two impls below.
    _erased: PhantomData<*mut T>,
}

// SAFETY: `set` takes `Send` futures only, and the one other field is a reference to a table of
// plain functions. `T` itself is never stored: it is handed out by `poll` on the polling thread.
unsafe impl<T: 'static> Send for InlineFuture<T> {}
// SAFETY: no method gives access to the stored future through `&self`.
unsafe impl<T: 'static> Sync for InlineFuture<T> {}

impl<T: 'static> InlineFuture<T> {
    #[inline(always)]
    pub(crate) fn empty() -> Self {
        let mut this = MaybeUninit::<Self>::uninit();
        // SAFETY: the pointer is to memory of this type.
        unsafe { (&raw mut (*this.as_mut_ptr()).vtable).write(None) };
        // SAFETY: every other field may be uninitialized or has no size.
        unsafe { this.assume_init() }
    }

    /// Stores a future, dropping the one that is here.
    #[inline]
    pub(crate) fn set<F>(self: Pin<&mut Self>, future: F)
    where
        F: Future<Output = T> + Send + 'static,
    {
        if const { size_of::<F>() <= SIZE && align_of::<F>() <= ALIGN } {
            self.store(future);
        } else {
            self.store(Box::pin(future));
        }
    }

    #[inline]
    fn store<F>(mut self: Pin<&mut Self>, future: F)
    where
        F: Future<Output = T> + Send + 'static,
    {
        // Decided when this is compiled; the branch that would fail is never reached.
        assert!(size_of::<F>() <= SIZE && align_of::<F>() <= ALIGN);
        self.as_mut().clear();
        // SAFETY: nothing is moved out of the pinned value: `clear` left the storage without a
        // future, and only plain fields are written.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the storage is large and aligned enough for an `F`, asserted above, and holds
        // no live value.
        unsafe { this.storage.0.as_mut_ptr().cast::<F>().write(future) };
        this.vtable = Some(
            const {
                &VTable {
                    // SAFETY (both): the caller passes a pointer to a live, pinned `F`.
                    poll: |future, cx| unsafe {
                        Pin::new_unchecked(&mut *future.cast::<F>()).poll(cx)
                    },
                    drop: |future| unsafe { future.cast::<F>().drop_in_place() },
                }
            },
        );
    }

    /// Polls the stored future and drops it as soon as it is ready.
    ///
    /// Pending where there is none: callers keep track of what they stored.
    #[inline]
    pub(crate) fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(vtable) = self.vtable else {
            return Poll::Pending;
        };
        // SAFETY: the future is not moved, only its address is taken.
        let storage = unsafe { self.as_mut().get_unchecked_mut() }
            .storage
            .0
            .as_mut_ptr()
            .cast::<u8>();
        // SAFETY: a table is set exactly while the storage holds a live future of its type, which
        // is pinned because `self` is.
        let polled = unsafe { (vtable.poll)(storage, cx) };
        if polled.is_ready() {
            self.clear();
        }
        polled
    }

    /// Drops the stored future, if there is one.
    #[inline]
    pub(crate) fn clear(self: Pin<&mut Self>) {
        // SAFETY: the future is dropped where it lies, never moved.
        let this = unsafe { self.get_unchecked_mut() };
        // The table goes first: a future whose `drop` panics is not dropped twice.
        if let Some(vtable) = this.vtable.take() {
            // SAFETY: the table was set, so the storage holds a live future of its type, and the
            // table is gone now, so nothing uses that future again.
            unsafe { (vtable.drop)(this.storage.0.as_mut_ptr().cast()) };
        }
    }
}

impl<T: 'static> Drop for InlineFuture<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a value that is being dropped is never moved again.
        unsafe { Pin::new_unchecked(self) }.clear();
    }
}

impl<T: 'static> fmt::Debug for InlineFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineFuture")
            .field("stored", &self.vtable.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Waker;

    use super::*;

    fn poll_once<T>(future: Pin<&mut InlineFuture<T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Pending once; borrows from itself across that await.
    async fn yields<const N: usize>(witness: Arc<()>) -> usize {
        let bytes = [1_u8; N];
        let borrowed = &bytes;
        let mut first = true;
        poll_fn(|_| {
            if std::mem::take(&mut first) {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        borrowed
            .iter()
            .map(|byte| usize::from(*byte))
            .sum::<usize>()
            + Arc::strong_count(&witness)
    }

    fn runs_to_the_end<const N: usize>() {
        let witness = Arc::new(());
        let mut slot = pin!(InlineFuture::empty());
        slot.as_mut().set(yields::<N>(Arc::clone(&witness)));
        assert_eq!(poll_once(slot.as_mut()), Poll::Pending);
        assert_eq!(poll_once(slot.as_mut()), Poll::Ready(N + 2));
        assert_eq!(Arc::strong_count(&witness), 1, "dropped when ready");
        assert_eq!(poll_once(slot.as_mut()), Poll::Pending, "empty again");
    }

    #[test]
    fn small_and_large_futures_run_to_the_end() {
        runs_to_the_end::<8>();
        runs_to_the_end::<200>();
        runs_to_the_end::<1000>();
    }

    #[test]
    fn a_stored_future_is_dropped_once() {
        let witness = Arc::new(());
        {
            let mut slot = pin!(InlineFuture::empty());
            for _ in 0..3 {
                slot.as_mut().set(yields::<8>(Arc::clone(&witness)));
                assert_eq!(poll_once(slot.as_mut()), Poll::Pending);
                assert_eq!(Arc::strong_count(&witness), 2, "the former one is gone");
            }
            slot.as_mut().set(yields::<1000>(Arc::clone(&witness)));
        }
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn over_aligned_futures_are_boxed() {
        #[derive(Clone, Copy)]
        #[repr(align(64))]
        struct Wide(u8);
        let mut slot = pin!(InlineFuture::empty());
        let wide = Wide(7);
        slot.as_mut().set(async move {
            let held = wide;
            ready(()).await;
            (std::ptr::from_ref(&held).addr() % 64, held.0)
        });
        assert_eq!(poll_once(slot.as_mut()), Poll::Ready((0, 7)));
    }

    #[test]
    fn a_panic_leaves_a_future_that_can_be_dropped() {
        let witness = Arc::new(());
        let held = Arc::clone(&witness);
        let mut slot = pin!(InlineFuture::<()>::empty());
        slot.as_mut().set(async move {
            let _held = held;
            if std::hint::black_box(true) {
                panic!("expected by the test");
            }
            pending::<()>().await;
        });
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = poll_once(slot.as_mut());
        }));
        assert!(caught.is_err());
        slot.as_mut().clear();
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_future_can_move_to_another_thread() {
        let mut slot = Box::pin(InlineFuture::empty());
        slot.as_mut().set(yields::<64>(Arc::new(())));
        assert_eq!(poll_once(slot.as_mut()), Poll::Pending);
        let answer = std::thread::spawn(move || poll_once(slot.as_mut())).join();
        assert_eq!(answer.ok(), Some(Poll::Ready(65)));
    }
}
