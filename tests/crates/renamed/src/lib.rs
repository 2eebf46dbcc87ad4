//! A crate that knows catga by another name, with every lint that a strict crate denies.

#![forbid(unsafe_code)]
#![deny(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused,
    unused_qualifications,
    clippy::all,
    clippy::pedantic
)]

use bus::{Fault, command, event, handler, query, route};
use serde::{Deserialize, Serialize};

/// Asks for a number.
#[query(response = u8, error = Refused, crate = bus)]
#[derive(Debug, Serialize, Deserialize)]
pub struct Number;

/// No number.
#[derive(Debug, Fault, Serialize, Deserialize)]
#[fault(crate = bus)]
#[permanent]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// Answers it.
///
/// # Errors
///
/// Never.
#[handler(crate = bus)]
pub async fn number(_: Number) -> Result<u8, Refused> {
    std::future::ready(Ok(42)).await
}

/// Stores a number.
#[route(key = "number")]
#[command(crate = bus, timeout = "1s", idempotent, version = 2)]
#[derive(Debug, Serialize, Deserialize)]
pub struct Store {
    /// The number, which is the key.
    pub number: u8,
}

#[handler(crate = bus, concurrency = 2)]
fn store(_: Store) {}

/// A number was stored.
#[event(crate = bus)]
#[derive(Debug, Serialize, Deserialize)]
pub enum Stored {
    /// For the first time.
    First(#[key] u8),
    /// Again.
    Again {
        /// The key.
        #[key]
        number: u8,
    },
}

/// Takes `Option` for an enum of its own.
#[derive(Debug, Clone, Copy)]
pub enum Option {
    /// One variant.
    Some,
}

#[handler(crate = bus)]
async fn stored(_: Stored) {
    std::future::ready(Option::Some).await;
}
