use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::Shelf;
use crate::transport::{BoxFuture, Intake, Shared, SharedIntake, Taken};

/// What a generation reads.
pub(super) struct Flow {
    pub(super) shelf: Shelf,
    pub(super) service: Arc<str>,
    pub(super) reader: u64,
    pub(super) wake: Arc<Notify>,
}

impl Intake for Flow {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(async move {
            loop {
                let taken = self.shelf.store().take(&self.service, self.reader, room)?;
                if !taken.is_empty() {
                    return Some(Taken::Entries(taken));
                }
                self.wake.notified().await;
            }
        })
    }
}

/// One of the consumers of a shared queue.
pub(super) struct Consumer {
    pub(super) shelf: Shelf,
    pub(super) service: Arc<str>,
    pub(super) node: Arc<str>,
    pub(super) wake: Arc<Notify>,
}

impl SharedIntake for Consumer {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Vec<Shared>>> {
        Box::pin(async move {
            if room == 0 {
                // It would take the wakeup from a consumer that has room.
                return std::future::pending().await;
            }
            loop {
                let (taken, again) = {
                    let mut store = self.shelf.store();
                    store.take_shared(&self.service, &self.node, room)?
                };
                if !taken.is_empty() {
                    return Some(taken);
                }
                // Something may come back because its consumer died: nobody wakes for that.
                let _ = timeout_at(again, self.wake.notified()).await;
            }
        })
    }

    /// What is taken is handed out at once.
    fn close(self: Box<Self>) -> BoxFuture<'static, Vec<Shared>> {
        Box::pin(std::future::ready(Vec::new()))
    }
}
