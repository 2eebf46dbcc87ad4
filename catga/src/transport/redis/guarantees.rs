//! What the server promises of what it stores, as it is set up.

use std::collections::HashMap;
use std::time::Duration;

use super::Shared;
use super::check::Info;
use super::error::Trouble;
use crate::transport::{Durability, Guarantees};

impl Shared {
    pub(super) async fn promises(&self) -> Result<Guarantees, Trouble> {
        let info = self.info().await?;
        let settings = Settings {
            sync: self.setting("appendfsync").await?,
            snapshots: self.setting("save").await?,
        };
        Ok(promised(&info, &settings))
    }

    /// A setting; `None` if this user may not ask, or it has another name.
    async fn setting(&self, name: &str) -> Result<Option<String>, Trouble> {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg(name);
        let found: Result<HashMap<String, String>, _> = self.commands.command(&get).await;
        match found {
            Ok(mut found) => Ok(found.remove(name)),
            Err(Trouble::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What only `CONFIG GET` tells; `None` if it does not.
struct Settings {
    sync: Option<String>,
    snapshots: Option<String>,
}

fn promised(info: &Info, settings: &Settings) -> Guarantees {
    let number = |name| info.get(name).and_then(|value| value.parse::<u64>().ok());
    let mut notes = Vec::new();
    let durability = if number("aof_enabled") == Some(1) {
        match settings.sync.as_deref() {
            Some("always") => Durability::Machine,
            Some("everysec") => Durability::Process(Duration::from_secs(1)),
            Some(_) => Durability::Unsynced,
            None => {
                notes.push("`CONFIG GET appendfsync` was refused, so the least is assumed".into());
                Durability::Unsynced
            }
        }
    } else {
        notes.push(match settings.snapshots.as_deref() {
            None => "`appendonly` is off; whether snapshots are taken cannot be asked, since `CONFIG GET save` was refused".into(),
            Some("") => "`appendonly` is off and no snapshots are taken: set `appendonly yes` to keep messages".into(),
            Some(save) => format!("`appendonly` is off: what was stored since the last snapshot (`save {save}`) is gone when the server ends; set `appendonly yes` to keep messages"),
        });
        Durability::Memory
    };
    if let Some(replicas @ 1..) = number("connected_slaves") {
        notes.push(format!("{replicas} connected as replicas, which follow after the acknowledgement: a failover may lose what they had not got"));
    }
    if number("maxmemory").unwrap_or(0) == 0 {
        notes.push("no `maxmemory` is set: a queue that nobody reads grows until the system ends the server".into());
    }
    let product = match info.get("server_name") {
        Some("valkey") => ("Valkey", info.get("valkey_version")),
        _ => ("Redis", info.get("redis_version")),
    };
    let broker = format!(
        "{} {}",
        product.0,
        product.1.unwrap_or("of unknown version")
    );
    // Redis does not wait for replicas.
    let told = Guarantees::new(broker, durability, 1);
    notes.into_iter().fold(told, Guarantees::with_note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str], sync: Option<&str>, snapshots: Option<&str>) -> Guarantees {
        let settings = Settings {
            sync: sync.map(str::to_owned),
            snapshots: snapshots.map(str::to_owned),
        };
        promised(&Info::of(&lines.join("\r\n")), &settings)
    }

    #[test]
    fn what_is_synced_is_told() {
        let lines = ["redis_version:7.0.15", "aof_enabled:1", "maxmemory:1000"];
        for (sync, durability) in [
            ("always", Durability::Machine),
            ("everysec", Durability::Process(Duration::from_secs(1))),
            ("no", Durability::Unsynced),
        ] {
            let told = told(&lines, Some(sync), Some(""));
            assert_eq!(told, Guarantees::new("Redis 7.0.15", durability, 1));
        }
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let lines = [
            "server_name:valkey",
            "valkey_version:8.1.0",
            "aof_enabled:1",
            "maxmemory:1",
        ];
        let told = told(&lines, None, None);
        assert_eq!(
            (&*told.broker, told.durability),
            ("Valkey 8.1.0", Durability::Unsynced)
        );
        assert!(told.notes[0].contains("appendfsync` was refused"));
    }

    #[test]
    fn what_is_missing_is_said() {
        let lines = [
            "redis_version:8.2.1",
            "aof_enabled:0",
            "connected_slaves:2",
            "maxmemory:0",
        ];
        let told = told(&lines, Some("everysec"), Some("3600 1"));
        assert_eq!(told.durability, Durability::Memory);
        let notes = told.notes.join("\n");
        for part in ["`save 3600 1`", "2 connected as replicas", "no `maxmemory`"] {
            assert!(notes.contains(part), "{notes}");
        }
    }
}
