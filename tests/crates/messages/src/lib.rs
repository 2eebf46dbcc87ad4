//! Messages that several crates share.

use catga::{command, event};
use serde::{Deserialize, Serialize};

/// Handled in another crate.
#[command(response = String)]
#[route(key = "account")]
#[derive(Debug, Serialize, Deserialize)]
pub struct Open {
    /// The key.
    pub account: String,
}

/// Handled in several crates.
#[event]
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened {
    /// Whose.
    pub account: String,
}
