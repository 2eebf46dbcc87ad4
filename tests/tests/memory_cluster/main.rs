//! The behaviour suite and the transport contract over the in-process transport.

mod blocking;
mod door;
mod faults;
mod full;
mod giving;
mod lease;
mod leaving;
mod lies;
mod panics;
mod pausing;
mod quiet;
mod registering;
mod remembering;
mod room;
mod strangers;
mod strict;

use std::sync::Arc;

use catga::transport::{Memory, Transport};
use catga_tests::suite::Cluster;

struct InMemory(Memory);

impl Cluster for InMemory {
    fn fresh() -> Self {
        Self(Memory::private())
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.0.clone())
    }
}

catga_tests::suite!(crate::InMemory);

mod contract {
    catga_tests::contract!(crate::InMemory);
}
