//! Whether a server can be used, asked once before a node starts.

use serde::Deserialize;
use serde_json::json;

use super::api::NOT_ENABLED;
use super::error::Trouble;
use super::link::Link;

/// The oldest version with a time to live for each message, and markers that tell of its end.
const OLDEST: (u32, u32) = (2, 11);

/// What `JetStream` says of the account; that it answers is enough.
#[derive(Deserialize)]
struct Account {}

impl Link {
    pub(super) async fn check(&self) -> Result<(), Trouble> {
        let version = self.client().await?.server_info().version;
        let shown = self.settings().shown();
        // A server that does not tell its version is not refused for it.
        if number(&version).is_some_and(|number| number < OLDEST) {
            return Err(Trouble::Unfit(format!(
                "the server at {shown} is nats-server {version}: catga needs 2.11 or later; run a newer server"
            )));
        }
        match self.api::<Account>("INFO", &json!({})).await {
            Ok(Account {}) => Ok(()),
            Err(Trouble::NoResponder) => Err(Trouble::Unfit(format!(
                "the server at {shown} has no JetStream, where catga keeps its records and messages: start it with `--jetstream`, or with a `jetstream` block in its configuration"
            ))),
            Err(Trouble::Refused(refused)) if NOT_ENABLED.contains(&refused.code) => {
                Err(Trouble::Unfit(format!(
                    "JetStream, where catga keeps its records and messages, is not enabled for this account of the server at {shown}: enable it in the account's configuration"
                )))
            }
            Err(trouble) => Err(trouble),
        }
    }
}

/// `2.11.4-RC.1` → (2, 11).
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for old in ["2.9.0", "2.10.26", "1.99.0", "v2.10.0"] {
            assert!(number(old).unwrap() < OLDEST, "{old}");
        }
        for new in ["2.11.0", "2.11.0-RC.1", "2.100.3", "3.0.0"] {
            assert!(number(new).unwrap() >= OLDEST, "{new}");
        }
        assert_eq!(number("unknown"), None);
    }
}
