//! What an acknowledged message survives here.

use std::time::Duration;

use super::Storage;
use super::error::Trouble;
use super::link::Link;
use crate::transport::{Durability, Guarantees};

/// How often a server writes to its disk unless it is told otherwise.
const SYNC: Duration = Duration::from_secs(120);

impl Link {
    pub(super) async fn guarantees(&self) -> Result<Guarantees, Trouble> {
        let version = self.client().await?.server_info().version;
        let settings = self.settings();
        let durability = match settings.storage {
            Storage::File => Durability::Process(SYNC),
            Storage::Memory => Durability::Memory,
        };
        let broker = format!("nats-server {version}");
        let mut told = Guarantees::new(broker, durability, settings.replicas);
        if settings.storage == Storage::File {
            told = told.with_note(
                "2 minutes is the server's default: its `sync_interval` may be another, which it does not tell",
            );
        }
        if settings.replicas > 1 {
            told = told.with_note(
                "a message is acknowledged once most replicas have it, and is lost only if most of them fail at once",
            );
        }
        Ok(told.with_note(
            "that a message was handled is forgotten when the server restarts: one that is appended again after that is handled again",
        ))
    }
}
