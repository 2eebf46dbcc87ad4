use super::state::Cluster;
use crate::transport::{Inbox, Subscription, TransportError};

/// What a node hears the others on. Open before its start returns.
pub(crate) struct Lines {
    /// Calls of other nodes.
    pub(crate) inbox: Box<dyn Inbox>,
    /// What is broadcast to its service.
    pub(crate) events: Box<dyn Subscription>,
}

impl Cluster {
    /// Opens everything, or says what cannot be opened.
    pub(super) async fn open_lines(&self) -> Result<Lines, TransportError> {
        Ok(Lines {
            inbox: self.limited("open the inbox", self.open_inbox()).await?,
            events: self
                .limited("subscribe to broadcasts", self.subscribe())
                .await?,
        })
    }

    pub(crate) async fn open_inbox(&self) -> Result<Box<dyn Inbox>, TransportError> {
        self.transport.messenger().serve(&self.me).await
    }

    pub(crate) async fn subscribe(&self) -> Result<Box<dyn Subscription>, TransportError> {
        let all = broadcast_subject(&self.service, ">");
        self.transport.messenger().subscribe(&all).await
    }
}

/// The subject of an event for all nodes of a service: its topic, or else its type.
pub(crate) fn broadcast_subject(service: &str, event: &str) -> String {
    format!("all.{service}.{event}")
}
