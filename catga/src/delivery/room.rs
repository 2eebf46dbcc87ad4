use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{AcquireError, Semaphore};

/// How much more may be stored.
#[derive(Debug)]
pub(super) struct Room {
    free: Semaphore,
    /// What was stored without room: as much is not given back before somebody else may store.
    debt: AtomicUsize,
    capacity: usize,
}

impl Room {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            free: Semaphore::new(capacity),
            debt: AtomicUsize::new(0),
            capacity,
        }
    }

    #[inline]
    pub(super) fn try_take(&self) -> bool {
        self.free
            .try_acquire()
            .map(tokio::sync::SemaphorePermit::forget)
            .is_ok()
    }

    /// Waits for room, behind those who waited before.
    ///
    /// Cancel safe.
    pub(super) async fn take(&self) -> Result<(), AcquireError> {
        self.free
            .acquire()
            .await
            .map(tokio::sync::SemaphorePermit::forget)
    }

    /// Takes room, whether there is any or not.
    pub(super) fn force(&self) {
        if !self.try_take() {
            self.debt.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives room back; debts come first.
    pub(super) fn give(&self, mut count: usize) {
        // A debt that is made at this moment is paid by the next one.
        if self.debt.load(Ordering::Relaxed) > 0 {
            let pay = |debt: usize| Some(debt.saturating_sub(count));
            if let Ok(debt) = self
                .debt
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay)
            {
                count -= debt.min(count);
            }
        }
        if count > 0 {
            self.free.add_permits(count);
        }
    }

    /// Waits until there is room, and says how much. Nothing is taken.
    ///
    /// Cancel safe.
    pub(super) async fn free(&self) -> Result<usize, AcquireError> {
        let one = self.free.acquire().await?;
        drop(one);
        Ok(self.free.available_permits().max(1))
    }

    /// How much room there is now.
    pub(super) fn left(&self) -> usize {
        self.free.available_permits()
    }

    /// Whether twice as much is stored as there is room for.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.debt.load(Ordering::Relaxed) >= self.capacity
    }

    /// There is no more room, ever: those who wait for it hear of it.
    pub(super) fn close(&self) {
        self.free.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debt_is_paid_before_there_is_room_again() {
        let room = Room::new(1);
        room.force();
        room.force();
        room.force();
        assert!(!room.try_take());
        room.give(1);
        assert!(!room.try_take());
        room.give(2);
        assert!(room.try_take());
        assert!(!room.try_take());
    }
}
