use std::marker::PhantomData;
use std::sync::Arc;

use catga::transport::{Generation, Opened, Received, Shared, SharedIntake, Taken, Transport};
use tokio::time::{Instant, timeout, timeout_at};

use super::entries::texts;
use super::waits::{patience, quiet};
use crate::suite::Cluster;

/// A generation and what it reads.
pub(super) struct Reader<C> {
    pub(super) generation: Generation,
    pub(super) opened: Opened,
    /// The number of the last entry that it received.
    last: u64,
    cluster: PhantomData<C>,
}

impl<C: Cluster> Reader<C> {
    pub(super) async fn open(
        transport: &Arc<dyn Transport>,
        service: &Arc<str>,
        name: &str,
        partitions: &[u32],
    ) -> Self {
        let generation = Generation {
            service: Arc::clone(service),
            name: name.to_owned(),
        };
        let opened = transport.queues().open(&generation, partitions).await;
        Self {
            generation,
            opened: opened.unwrap(),
            last: 0,
            cluster: PhantomData,
        }
    }

    /// The next entries, as many as are wanted; fails if one was lost on the way.
    pub(super) async fn read(&mut self, count: usize) -> Vec<Received> {
        let mut all = Vec::new();
        while all.len() < count {
            let room = count - all.len();
            let next = timeout(patience::<C>(), self.opened.intake.next(room)).await;
            let next = next.unwrap_or_else(|_| panic!("{} of {count} came", all.len()));
            all.extend(self.checked(room, next.expect("the generation is alive")));
        }
        all
    }

    /// Checks what came: no more than there was room for, and nothing left out.
    pub(super) fn checked(&mut self, room: usize, taken: Taken) -> Vec<Received> {
        match taken {
            Taken::Entries(entries) => {
                assert!(entries.len() <= room, "{} for {room}", entries.len());
                for received in &entries {
                    self.last += 1;
                    assert_eq!(received.number, self.last, "no number is left out");
                }
                entries
            }
            Taken::Idle { last } => {
                assert_eq!(last, self.last, "nothing was lost");
                Vec::new()
            }
        }
    }

    /// The payloads of the next entries.
    pub(super) async fn texts(&mut self, count: usize) -> Vec<String> {
        texts(&self.read(count).await)
    }

    /// Fails if anything comes for a while.
    pub(super) async fn nothing(&mut self) {
        let until = Instant::now() + quiet::<C>();
        while let Ok(next) = timeout_at(until, self.opened.intake.next(100)).await {
            let next = next.expect("the generation is alive");
            let came = self.checked(100, next);
            assert!(came.is_empty(), "{:?} came", texts(&came));
        }
    }

    /// Reads until the generation ends, which must be soon.
    pub(super) async fn ends(&mut self) -> Vec<Received> {
        let mut seen = Vec::new();
        let end = async {
            while let Some(taken) = self.opened.intake.next(100).await {
                if let Taken::Entries(entries) = taken {
                    seen.extend(entries);
                }
            }
        };
        let ended = timeout(patience::<C>(), end).await;
        ended.expect("the read of a destroyed generation ends");
        seen
    }
}

/// One that reads a shared queue.
pub(super) struct Consumer<C> {
    pub(super) intake: Box<dyn SharedIntake>,
    cluster: PhantomData<C>,
}

impl<C: Cluster> Consumer<C> {
    pub(super) fn of(intake: Box<dyn SharedIntake>) -> Self {
        let cluster = PhantomData;
        Self { intake, cluster }
    }

    pub(super) async fn read(&mut self, count: usize) -> Vec<Shared> {
        let mut all = Vec::new();
        while all.len() < count {
            let room = count - all.len();
            let next = timeout(patience::<C>(), self.intake.next(room)).await;
            let next = next.unwrap_or_else(|_| panic!("{} of {count} came", all.len()));
            let next = next.expect("the flow goes on");
            assert!(next.len() <= room, "{} for {room}", next.len());
            all.extend(next);
        }
        all
    }

    /// Fails if anything comes for a while.
    pub(super) async fn nothing(&mut self) {
        let until = Instant::now() + quiet::<C>();
        while let Ok(next) = timeout_at(until, self.intake.next(100)).await {
            let came = next.expect("the flow goes on");
            assert!(came.is_empty(), "{came:?}");
        }
    }
}
