//! Handlers in a library: nothing names this crate but a list of crates.

use catga::handler;
use catga_tests_messages::{Open, Opened};

#[handler]
async fn open(command: Open) -> String {
    format!("opened {}", command.account)
}

#[handler]
async fn note(_: Opened) {}
