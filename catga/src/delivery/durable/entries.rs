use std::borrow::Cow;
use std::sync::Arc;

use crate::delivery::Envelope;
use crate::transport::Entry;

/// A message of this node as brokers store it.
pub(super) fn entry_of(envelope: &Envelope, service: &Arc<str>) -> Entry {
    Entry {
        id: envelope.id,
        name: Cow::Borrowed(envelope.info.name()),
        source: Arc::clone(service),
        time: envelope.made,
        key: envelope.key.clone(),
        content_type: Cow::Borrowed(envelope.content_type.as_str()),
        headers: envelope.headers.clone(),
        payload: envelope.payload.clone(),
    }
}
