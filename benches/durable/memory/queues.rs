use std::sync::Arc;

use catga::transport::{Memory, Transport};
use tokio::task::yield_now;

use crate::nodes::{PARTITIONS, SERVICE};
use crate::way::Queue;

/// The queues of a transport in memory, seen from outside.
pub(super) struct MemoryQueues {
    memory: Memory,
    service: Arc<str>,
}

impl MemoryQueues {
    pub(super) fn named(name: &str) -> Self {
        Self {
            memory: Memory::named(name),
            service: SERVICE.into(),
        }
    }
}

impl Queue for MemoryQueues {
    async fn emptied(&self) {
        let queues = self.memory.queues();
        for partition in 0..PARTITIONS {
            while let Ok(Some(_)) = queues.oldest(&self.service, partition).await {
                yield_now().await;
            }
        }
    }

    async fn clear(&self) {}
}
