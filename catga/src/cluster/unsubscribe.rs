use std::fmt;
use std::sync::Arc;

use tokio::time::timeout;

use super::registry;
use super::settled::{Unsettled, settled};
use super::state::Cluster;
use crate::node::NodeId;
use crate::transport::{RecordKey, TransportError};

/// Why a service was not unsubscribed from a message.
#[derive(Debug)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// A live node of the service handles the message. Nothing was changed.
    #[non_exhaustive]
    Handled {
        /// The node.
        node: NodeId,
    },
    /// It was done, but this node lives and did not take note of it in time.
    #[non_exhaustive]
    NotSeen {
        /// The node.
        by: NodeId,
    },
    /// The broker could not be asked. It may have been done.
    Transport(TransportError),
}

impl Cluster {
    /// Ends what a service takes of a message type, and waits until every live node knows.
    /// `false` if there was nothing to end.
    pub(crate) async fn unsubscribe(
        &self,
        service: &str,
        message: &str,
    ) -> Result<bool, UnsubscribeError> {
        let members = self.members();
        let handling = members
            .iter()
            .filter(|member| member.service() == service && member.handles_message(message));
        for node in handling.map(|member| member.id().clone()) {
            // The picture may be a moment old: it may just have left.
            let record = self.read(&RecordKey::Member(node.clone())).await?.record;
            if record.is_some() {
                return Err(UnsubscribeError::Handled { node });
            }
        }
        let service: Arc<str> = service.into();
        let remove = registry::remove(self.transport.records(), &service, message);
        let removed = timeout(self.settings.node_timeout, remove)
            .await
            .unwrap_or_else(|elapsed| Err(TransportError::new("end a subscription", elapsed)))?;
        let Some(recorded) = removed else {
            return Ok(false);
        };
        // Also where nothing was changed: an earlier call may have waited in vain.
        match settled(self, &service, recorded.revision).await {
            Ok(()) => Ok(recorded.changed),
            Err(Unsettled::By(by)) => Err(UnsubscribeError::NotSeen { by }),
            Err(Unsettled::Transport(error)) => Err(error.into()),
        }
    }
}

impl From<TransportError> for UnsubscribeError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl fmt::Display for UnsubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handled { node } => write!(
                f,
                "the node `{node}` of the service handles the message: stop it first, or run it without the handler"
            ),
            Self::NotSeen { by } => write!(
                f,
                "it is done, but the node `{by}` has not seen it: it may send and publish to the service for a while; see whether it reaches the broker"
            ),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UnsubscribeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::Handled { .. } | Self::NotSeen { .. } => None,
        }
    }
}
