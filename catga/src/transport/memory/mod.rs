//! Nodes of one process, without a broker: `memory://NAME`.

mod hub;
mod messenger;
mod records;

use std::sync::Arc;

use super::{Messenger, Records, Transport};
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
}

impl Transport for Memory {
    fn records(&self) -> &dyn Records {
        &*self.hub
    }

    fn messenger(&self) -> &dyn Messenger {
        &*self.hub
    }
}
