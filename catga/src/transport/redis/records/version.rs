use tokio::sync::watch;

/// The last version that the server is known to have given to any record.
///
/// Every answer tells it, those to this node's heartbeats as well: a change that was not told
/// through the channel is noticed by it.
#[derive(Debug)]
pub(in super::super) struct Version(watch::Sender<u64>);

impl Version {
    pub(super) fn seen(&self, version: u64) {
        self.0.send_if_modified(|known| {
            let later = version > *known;
            if later {
                *known = version;
            }
            later
        });
    }

    /// Everything was read at this version: one that was seen before and is later belongs to a
    /// store that is no more.
    pub(super) fn read(&self, version: u64) {
        self.0.send_replace(version);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl Default for Version {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}
