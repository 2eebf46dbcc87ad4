//! What the servers promise of what they store, as they are set up.

use std::collections::HashMap;
use std::time::Duration;

use super::Shared;
use super::check::Info;
use super::directory::Spot;
use super::error::Trouble;
use crate::transport::{Durability, Guarantees};

impl Shared {
    pub(super) async fn promises(&self) -> Result<Guarantees, Trouble> {
        let mut told = Vec::new();
        for server in self.commands.all().await? {
            let info = self.info(&server).await?;
            let settings = Settings {
                sync: self.setting(&server, "appendfsync").await?,
                snapshots: self.setting(&server, "save").await?,
            };
            let name = server.primary.server.shown.clone();
            told.push((name, promised(&info, &settings)));
        }
        Ok(together(told))
    }

    /// A setting; `None` if this user may not ask, or it has another name.
    async fn setting(&self, server: &Spot, name: &str) -> Result<Option<String>, Trouble> {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg(name);
        let found: Result<HashMap<String, String>, _> =
            self.commands.command_to(server, &get).await;
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
    let in_cluster = info.get("redis_mode") == Some("cluster");
    if in_cluster && number("connected_slaves") == Some(0) {
        notes.push(
            "it has no replica: while it is away, the services whose slots it has stand still"
                .into(),
        );
    }
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

/// What the primaries of a cluster promise: the least that one of them does, since a service may be
/// on any of them.
fn together(told: Vec<(Box<str>, Guarantees)>) -> Guarantees {
    let servers = told.len();
    let mut brokers = Vec::new();
    let mut durability = Durability::Machine;
    let mut differ = false;
    let mut notes = Vec::<(String, Vec<Box<str>>)>::new();
    for (at, (server, told)) in told.into_iter().enumerate() {
        if !brokers.contains(&told.broker) {
            brokers.push(told.broker);
        }
        differ |= at > 0 && told.durability != durability;
        durability = least(durability, told.durability);
        for note in told.notes {
            match notes.iter_mut().find(|(known, _)| *known == note) {
                Some((_, of)) => of.push(server.clone()),
                None => notes.push((note, vec![server.clone()])),
            }
        }
    }
    let broker = match servers {
        0 | 1 => brokers.join(""),
        _ => format!(
            "{}, a cluster of {servers} primaries",
            brokers.join(" and ")
        ),
    };
    let told = Guarantees::new(broker, durability, 1);
    let mut notes = notes.into_iter().map(|(note, of)| match of.len() {
        all if all == servers => note,
        _ => format!("{}: {note}", of.join(", ")),
    });
    let told = notes.by_ref().fold(told, Guarantees::with_note);
    match differ {
        true => told.with_note(
            "the primaries are set up differently, so what the least of them does is told",
        ),
        false => told,
    }
}

fn least(one: Durability, other: Durability) -> Durability {
    let rank = |durability| match durability {
        Durability::Memory => 0,
        Durability::Unsynced => 1,
        Durability::Process(_) => 2,
        Durability::Machine => 3,
    };
    std::cmp::min_by_key(one, other, |durability| rank(*durability))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str], sync: Option<&str>, snapshots: Option<&str>) -> Guarantees {
        let settings = Settings {
            sync: sync.map(str::to_owned),
            snapshots: snapshots.map(str::to_owned),
        };
        promised(&Info::of(lines.join("\r\n")), &settings)
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

    #[test]
    fn of_a_cluster_the_least_is_told() {
        let safe = [
            "redis_version:7.0.15",
            "redis_mode:cluster",
            "aof_enabled:1",
        ];
        let alone = [&safe[..], &["maxmemory:1", "connected_slaves:0"]].concat();
        let safe = [&safe[..], &["maxmemory:1", "connected_slaves:1"]].concat();
        let of = |lines: &[&str], sync| told(lines, Some(sync), Some(""));
        let cluster = together(vec![
            ("a:1".into(), of(&safe, "always")),
            ("b:1".into(), of(&alone, "always")),
            ("c:1".into(), of(&safe, "everysec")),
        ]);
        assert_eq!(cluster.broker, "Redis 7.0.15, a cluster of 3 primaries");
        assert_eq!(
            cluster.durability,
            Durability::Process(Duration::from_secs(1))
        );
        let [replicas, none, differ] = &cluster.notes[..] else {
            panic!("{:?}", cluster.notes);
        };
        assert!(replicas.starts_with("a:1, c:1: 1 connected as replicas"));
        assert!(none.starts_with("b:1: it has no replica"), "{none}");
        assert!(differ.contains("set up differently"), "{differ}");
        // What all say is said once, and nobody differs from itself.
        let same = together(vec![
            ("a:1".into(), of(&safe, "no")),
            ("b:1".into(), of(&safe, "no")),
        ]);
        assert_eq!(same.durability, Durability::Unsynced);
        assert_eq!(same.notes.len(), 1);
        let single = of(&["redis_version:7.0.15", "aof_enabled:1"], "no");
        assert_eq!(together(vec![("a:1".into(), single.clone())]), single);
    }
}
