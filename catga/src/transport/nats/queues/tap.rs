//! What programs without catga may listen to: plain subjects, nothing stored.

use super::{Depot, entry, subject};
use crate::transport::Entry;
use crate::transport::nats::error::Trouble;

impl Depot {
    pub(super) async fn tell_others(
        &self,
        topic: Option<&str>,
        event: &Entry,
    ) -> Result<(), Trouble> {
        let to = self.names.tap(&subject::of(topic.unwrap_or(&event.name)));
        let headers = entry::headers(event);
        self.link.publish(to, headers, event.payload.clone()).await
    }
}
