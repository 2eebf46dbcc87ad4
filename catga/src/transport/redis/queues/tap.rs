use super::entry;
use crate::transport::Entry;
use crate::transport::redis::Shared;
use crate::transport::redis::error::Trouble;

/// About as many events of a topic can be seen.
const LENGTH: usize = 10_000;

impl Shared {
    pub(super) async fn show(&self, topic: Option<&str>, entry: &Entry) -> Result<(), Trouble> {
        let stream = self.names.tap(topic.unwrap_or(&entry.name));
        let mut add = redis::cmd("XADD");
        add.arg(&stream);
        add.arg("MAXLEN").arg("~").arg(LENGTH).arg("*");
        entry::write(entry, |name, value| {
            add.arg(name).arg(value);
        });
        let _id: String = self.commands.command(&stream, &add).await?;
        Ok(())
    }
}
