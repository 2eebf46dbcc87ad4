//! A future stored in place: with `start`, all the `unsafe` code of the crate.
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

/// At most one future with output `T`, stored in place, and what is kept beside it while it waits.
///
/// Both go together, so that a drop has one thing to ask: most calls end with nothing in here.
pub(crate) struct InlineFuture<T: 'static, W> {
    /// `Some` exactly while `storage` holds a live future of that table's type, and `beside` a
    /// live value.
    vtable: Option<&'static VTable<T>>,
    storage: Storage,
    beside: MaybeUninit<Option<W>>,
    /// Stored futures may borrow from themselves, so this must not move once one is stored.
    _pinned: PhantomPinned,
    /// Neither `Send` nor `Sync` by itself: see the two impls below.
    _erased: PhantomData<*mut T>,
}

// SAFETY: `start` takes `Send` futures only, `W` is `Send`, and the one other field is a reference
// to a table of plain functions. `T` itself is never stored: it is handed out by `poll` on the
// polling thread.
unsafe impl<T: 'static, W: Send> Send for InlineFuture<T, W> {}
// SAFETY: no method gives access to what is stored through `&self`.
unsafe impl<T: 'static, W: Send> Sync for InlineFuture<T, W> {}

impl<T: 'static, W> InlineFuture<T, W> {
    #[inline(always)]
    pub(crate) fn empty() -> Self {
        let mut this = MaybeUninit::<Self>::uninit();
        // SAFETY: the pointer is to memory of this type.
        unsafe { (&raw mut (*this.as_mut_ptr()).vtable).write(None) };
        // SAFETY: every other field may be uninitialized or has no size.
        unsafe { this.assume_init() }
    }

    /// Polls a future for the first time, and stores it if it waits. Drops the one that is here.
    ///
    /// Most futures end here, where their type is known: they never go through the table.
    #[inline]
    pub(crate) fn start<F>(self: Pin<&mut Self>, cx: &mut Context<'_>, future: F) -> Poll<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        if const { size_of::<F>() <= SIZE && align_of::<F>() <= ALIGN } {
            self.start_here(cx, future)
        } else {
            self.start_here(cx, Box::pin(future))
        }
    }

    #[inline]
    fn start_here<F>(mut self: Pin<&mut Self>, cx: &mut Context<'_>, future: F) -> Poll<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        // Decided when this is compiled; the branch that would fail is never reached.
        assert!(size_of::<F>() <= SIZE && align_of::<F>() <= ALIGN);
        self.as_mut().clear();
        // SAFETY: nothing is moved out of the pinned value: `clear` left it without a future, and
        // only plain fields are written.
        let this = unsafe { self.get_unchecked_mut() };
        let storage = this.storage.0.as_mut_ptr().cast::<F>();
        // SAFETY: the storage is large and aligned enough for an `F`, asserted above, and holds
        // no live value.
        unsafe { storage.write(future) };
        this.beside.write(None);
        // Before the poll: a future that panics in it is dropped as any other.
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
        // SAFETY: a live future lies there since the write above, and it is pinned because `self`
        // is.
        let polled = unsafe { Pin::new_unchecked(&mut *storage) }.poll(cx);
        if polled.is_ready() {
            // Nothing is beside it yet. As in `clear`, a future whose `drop` panics is not dropped
            // twice.
            this.vtable = None;
            // SAFETY: the future is live, and with the table gone nothing uses it again.
            unsafe { storage.drop_in_place() };
        }
        polled
    }

    /// Keeps something beside the stored future, as long as that is here. Dropped where there is
    /// none.
    pub(crate) fn keep(self: Pin<&mut Self>, beside: W) {
        if self.vtable.is_some() {
            // SAFETY: with a table, the value is live; what is here is dropped where it lies.
            unsafe { *self.get_unchecked_mut().beside.assume_init_mut() = Some(beside) };
        }
    }

    /// What is kept beside the stored future.
    pub(crate) fn beside(self: Pin<&mut Self>) -> Option<Pin<&mut W>> {
        self.vtable?;
        // SAFETY: with a table, the value is live. It is pinned because `self` is: nothing but
        // `clear` and `keep` touches it, and they drop it in place.
        let beside = unsafe { self.get_unchecked_mut().beside.assume_init_mut() };
        // SAFETY: as above.
        unsafe { Pin::new_unchecked(beside) }.as_pin_mut()
    }

    /// Polls the stored future, which is to be cleared when it is ready.
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
        unsafe { (vtable.poll)(storage, cx) }
    }

    /// Drops the stored future, if there is one, and then what is kept beside it.
    #[inline]
    pub(crate) fn clear(self: Pin<&mut Self>) {
        if self.vtable.is_some() {
            self.clear_stored();
        }
    }

    #[inline(never)]
    fn clear_stored(self: Pin<&mut Self>) {
        // SAFETY: the future is dropped where it lies, never moved.
        let this = unsafe { self.get_unchecked_mut() };
        // The table goes first: a future whose `drop` panics is not dropped twice.
        if let Some(vtable) = this.vtable.take() {
            // What is beside goes in any case, also when the drop of the future panics.
            let _beside = DropInPlace(this.beside.as_mut_ptr());
            // SAFETY: the table was set, so the storage holds a live future of its type, and the
            // table is gone now, so nothing uses that future again.
            unsafe { (vtable.drop)(this.storage.0.as_mut_ptr().cast()) };
        }
    }
}

/// Drops a value where it lies.
struct DropInPlace<T>(*mut T);

impl<T> Drop for DropInPlace<T> {
    fn drop(&mut self) {
        // SAFETY: made in one place, with a pointer to a live value that nothing uses again.
        unsafe { self.0.drop_in_place() };
    }
}

impl<T: 'static, W> Drop for InlineFuture<T, W> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a value that is being dropped is never moved again.
        unsafe { Pin::new_unchecked(self) }.clear();
    }
}

impl<T: 'static, W> fmt::Debug for InlineFuture<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineFuture")
            .field("stored", &self.vtable.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Waker;

    use super::*;

    type Slot<T> = InlineFuture<T, Arc<()>>;

    fn start<T>(
        slot: Pin<&mut Slot<T>>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Poll<T> {
        slot.start(&mut Context::from_waker(Waker::noop()), future)
    }

    fn poll_once<T>(mut slot: Pin<&mut Slot<T>>) -> Poll<T> {
        let polled = slot.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_ready() {
            slot.clear();
        }
        polled
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

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("expected by the test");
        }
    }

    fn runs_to_the_end<const N: usize>() {
        let witness = Arc::new(());
        let mut slot = pin!(Slot::empty());
        let future = yields::<N>(Arc::clone(&witness));
        assert_eq!(start(slot.as_mut(), future), Poll::Pending);
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
    fn what_does_not_wait_leaves_nothing_behind() {
        let witness = Arc::new(());
        let held = Arc::clone(&witness);
        let mut slot = pin!(Slot::empty());
        let counts = start(slot.as_mut(), async move { Arc::strong_count(&held) });
        assert_eq!(counts, Poll::Ready(2));
        assert_eq!(Arc::strong_count(&witness), 1);
        slot.as_mut().keep(Arc::clone(&witness));
        assert!(
            slot.as_mut().beside().is_none(),
            "there is nothing to be beside of"
        );
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_stored_future_is_dropped_once() {
        let witness = Arc::new(());
        {
            let mut slot = pin!(Slot::empty());
            for _ in 0..3 {
                let future = yields::<8>(Arc::clone(&witness));
                assert_eq!(start(slot.as_mut(), future), Poll::Pending);
                assert_eq!(Arc::strong_count(&witness), 2, "the former one is gone");
            }
            let _ = start(slot.as_mut(), yields::<1000>(Arc::clone(&witness)));
        }
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn what_is_beside_goes_with_the_future() {
        let witness = Arc::new(());
        let mut slot = pin!(Slot::empty());
        assert!(start(slot.as_mut(), pending::<()>()).is_pending());
        slot.as_mut().keep(Arc::clone(&witness));
        slot.as_mut().keep(Arc::clone(&witness));
        assert_eq!(Arc::strong_count(&witness), 2, "one at a time");
        assert!(slot.as_mut().beside().is_some());
        slot.as_mut().clear();
        assert_eq!(Arc::strong_count(&witness), 1);
        assert!(start(slot.as_mut(), pending::<()>()).is_pending());
        assert!(slot.as_mut().beside().is_none());
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn over_aligned_futures_are_boxed() {
        #[derive(Clone, Copy)]
        #[repr(align(64))]
        struct Wide(u8);
        let mut slot = pin!(Slot::empty());
        let wide = Wide(7);
        let address = start(slot.as_mut(), async move {
            let held = wide;
            ready(()).await;
            (std::ptr::from_ref(&held).addr() % 64, held.0)
        });
        assert_eq!(address, Poll::Ready((0, 7)));
    }

    #[test]
    fn a_panic_leaves_a_future_that_can_be_dropped() {
        let witness = Arc::new(());
        let held = Arc::clone(&witness);
        let mut slot = pin!(Slot::<()>::empty());
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _ = start(slot.as_mut(), async move {
                let _held = held;
                if std::hint::black_box(true) {
                    panic!("expected by the test");
                }
                pending::<()>().await;
            });
        }));
        assert!(caught.is_err());
        slot.as_mut().clear();
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_drop_that_panics_leaves_nothing_behind() {
        let witness = Arc::new(());
        let mut slot = pin!(Slot::<()>::empty());
        let _ = start(slot.as_mut(), async {
            let _bomb = Bomb;
            pending::<()>().await;
        });
        slot.as_mut().keep(Arc::clone(&witness));
        let caught = catch_unwind(AssertUnwindSafe(|| slot.as_mut().clear()));
        assert!(caught.is_err());
        assert_eq!(Arc::strong_count(&witness), 1, "what was beside is gone");
        slot.as_mut().clear();

        let bomb = Bomb;
        let caught = catch_unwind(AssertUnwindSafe(|| {
            start(slot.as_mut(), async move {
                let _bomb = bomb;
            })
        }));
        assert!(caught.is_err());
        slot.as_mut().clear();
    }

    #[test]
    fn a_future_can_move_to_another_thread() {
        let mut slot = Box::pin(Slot::empty());
        assert_eq!(
            start(slot.as_mut(), yields::<64>(Arc::new(()))),
            Poll::Pending
        );
        let answer = std::thread::spawn(move || poll_once(slot.as_mut())).join();
        assert_eq!(answer.ok(), Some(Poll::Ready(65)));
    }
}
