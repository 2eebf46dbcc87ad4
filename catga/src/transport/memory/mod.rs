//! Nodes of one process, without a broker: `memory://NAME`.

mod hub;
mod marks;
mod messenger;
mod queues;
mod records;

use std::sync::Arc;

use super::{
    BoxFuture, Durability, Guarantees, Marks, Messenger, Queues, Records, Transport, TransportError,
};
use hub::Hub;

/// A transport in the memory of this process: all that were opened with one name are one cluster.
///
/// Nothing is stored on disk, and everything is gone with the last node of the name.
#[derive(Debug, Clone)]
pub struct Memory {
    hub: Arc<Hub>,
}

impl Memory {
    /// The transport of this name, shared with everyone in the process who opens it.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            hub: Hub::named(name),
        }
    }

    /// A transport of one's own.
    #[must_use]
    pub fn private() -> Self {
        Self {
            hub: Arc::default(),
        }
    }

    /// What is stored at this moment, in a transport of its own: what restoring a backup brings.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::{Memory, Transport};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), catga::transport::TransportError> {
    /// let memory = Memory::private();
    /// memory.queues().provision(&"orders".into(), 32).await?;
    /// let backup = memory.copy();
    /// assert_eq!(backup.queues().oldest(&"orders".into(), 0).await?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            hub: Arc::new(self.hub.copy()),
        }
    }

    /// How many entries a queue holds before it refuses more, for everyone who shares this one.
    ///
    /// A million, unless it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Memory;
    ///
    /// let small = Memory::private().with_capacity(10_000);
    /// ```
    #[must_use]
    pub fn with_capacity(self, entries: usize) -> Self {
        self.hub.shelf.set_capacity(entries);
        self
    }
}

impl Transport for Memory {
    fn records(&self) -> &dyn Records {
        &*self.hub
    }

    fn messenger(&self) -> &dyn Messenger {
        &*self.hub
    }

    fn queues(&self) -> &dyn Queues {
        &*self.hub
    }

    fn marks(&self) -> &dyn Marks {
        &*self.hub
    }

    fn guarantees(&self) -> BoxFuture<'_, Result<Guarantees, TransportError>> {
        let version = env!("CARGO_PKG_VERSION");
        let guarantees = Guarantees::new(format!("memory {version}"), Durability::Memory, 1);
        Box::pin(std::future::ready(Ok(guarantees)))
    }
}
