use std::sync::Arc;

use super::registry;
use super::settled::{Unsettled, settled};
use super::state::Cluster;
use crate::transport::TransportError;

impl Cluster {
    /// Lets all nodes of this service handle nothing of what is stored, or go on. Returns once every
    /// live node knows.
    pub(crate) async fn pause(&self, paused: bool) -> Result<(), TransportError> {
        let service = Arc::clone(&self.service);
        let pause = registry::pause(self.transport.records(), &service, paused);
        let Some(recorded) = self.limited("pause the service", pause).await? else {
            return Ok(());
        };
        // Also where nothing was changed: an earlier call may have waited in vain.
        match settled(self, &service, recorded.revision).await {
            Ok(()) => Ok(()),
            Err(Unsettled::By(node)) => Err(TransportError::new(
                "tell every node",
                format!("the node `{node}` has not seen it"),
            )),
            Err(Unsettled::Transport(error)) => Err(error),
        }
    }
}
