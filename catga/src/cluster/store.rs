//! What a node asks of the store: each with a limit, so that a store that hangs stops nobody.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use super::state::Cluster;
use crate::message::ContentType;
use crate::transport::{Expect, Read, RecordKey, Revision, TransportError, WriteError};

impl Cluster {
    /// How long the store may take for one answer.
    pub(crate) fn limit(&self) -> Duration {
        self.settings.node_timeout / 3
    }

    /// An answer of the broker; one that does not come in time is an error.
    pub(crate) async fn limited<T, E: From<TransportError>>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        timeout(self.limit(), answer)
            .await
            .unwrap_or_else(|elapsed| Err(TransportError::new(what, elapsed).into()))
    }

    pub(super) async fn read(&self, key: &RecordKey) -> Result<Read, TransportError> {
        let read = self.transport.records().read(key);
        self.limited("read a record", read).await
    }

    pub(super) async fn write(
        &self,
        key: &RecordKey,
        value: &impl Serialize,
        expect: Expect,
        expires: Option<Duration>,
    ) -> Result<Revision, WriteError> {
        let value = ContentType::Json
            .encode(value)
            .map_err(|error| TransportError::new("encode a record", error))?;
        let write = self.transport.records().write(key, value, expect, expires);
        let written = self.limited("write a record", write).await?;
        Ok(written.revision)
    }

    pub(super) async fn remove(
        &self,
        key: &RecordKey,
        revision: Revision,
    ) -> Result<(), WriteError> {
        let remove = self.transport.records().remove(key, revision);
        self.limited("remove a record", remove).await
    }
}
