//! Whether the servers can be used, asked once before a node starts.

use std::fmt;

use super::Shared;
use super::directory::Spot;
use super::error::Trouble;
use crate::transport::TransportError;

/// The oldest version with what the scripts need.
const OLDEST: (u32, u32) = (7, 0);

/// What stands in the way.
#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    Old { version: String },
    Evicts { policy: String },
    Replica,
}

impl Shared {
    pub(super) async fn check(&self) -> Result<(), TransportError> {
        let servers = self.commands.all().await;
        for server in servers.map_err(|error| error.when("be used"))? {
            let info = self.info(&server).await;
            let info = info.map_err(|error| error.when("be used"))?;
            if let Some(unfit) = unfit(&info) {
                let text = format!("the server at {} {unfit}", server.primary.server.shown);
                return Err(TransportError::new("be used", text));
            }
        }
        Ok(())
    }

    /// Everything a server says of itself.
    pub(super) async fn info(&self, server: &Spot) -> Result<Info, Trouble> {
        let text = self
            .commands
            .command_to(server, &redis::cmd("INFO"))
            .await?;
        Ok(Info(text))
    }
}

/// The answer to `INFO`.
pub(super) struct Info(String);

impl Info {
    pub(super) fn of(text: String) -> Self {
        Self(text)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| {
            let (known, value) = line.trim_end().split_once(':')?;
            (known == name).then_some(value)
        })
    }
}

fn unfit(info: &Info) -> Option<Unfit> {
    let version = info.get("redis_version").unwrap_or_default();
    // A server that does not tell its version is not refused for it.
    if number(version).is_some_and(|number| number < OLDEST) {
        let version = version.to_owned();
        return Some(Unfit::Old { version });
    }
    // Of a cluster, only primaries are asked; one that has just lost its place is no obstacle.
    if info.get("redis_mode") != Some("cluster") && info.get("role") == Some("slave") {
        return Some(Unfit::Replica);
    }
    match info.get("maxmemory_policy") {
        None | Some("noeviction") => None,
        Some(policy) => Some(Unfit::Evicts {
            policy: policy.to_owned(),
        }),
    }
}

/// `7.0.15` → (7, 0).
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next()?.parse().ok()?))
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old { version } => write!(
                f,
                "is Redis {version}: catga needs Redis 7.0 or later, or Valkey; run a newer server"
            ),
            Self::Evicts { policy } => write!(
                f,
                "has `maxmemory-policy {policy}`, which drops keys and with them messages; set it to `noeviction` (`CONFIG SET maxmemory-policy noeviction`, and in its configuration file)"
            ),
            Self::Replica => f.write_str("is a replica; connect to its master"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfit_of(lines: &[&str]) -> Option<Unfit> {
        unfit(&Info::of(lines.join("\r\n")))
    }

    #[test]
    fn servers_that_fit() {
        for version in ["7.0.0", "7.2.4", "8.2.1", "255.255.255", "unknown"] {
            let version = format!("redis_version:{version}");
            let lines = ["# Server", &version, "maxmemory_policy:noeviction"];
            assert_eq!(unfit_of(&lines), None, "{version}");
        }
        assert_eq!(unfit_of(&[]), None);
    }

    #[test]
    fn servers_that_do_not() {
        let version = "6.2.14".to_owned();
        let old = unfit_of(&["redis_version:6.2.14"]).unwrap();
        assert_eq!(old, Unfit::Old { version });
        let policy = "volatile-lru".to_owned();
        let evicts = unfit_of(&["redis_version:7.0.0", "maxmemory_policy:volatile-lru"]);
        assert_eq!(evicts, Some(Unfit::Evicts { policy }));
        assert_eq!(unfit_of(&["role:slave"]), Some(Unfit::Replica));
        assert_eq!(unfit_of(&["redis_mode:cluster", "role:slave"]), None);
    }
}
