//! An order service.
//!
//! - `cargo run --example orders`: three nodes in one process, one of which dies in the middle. No
//!   server needed.
//! - `cargo run --example orders --features nats -- --broker nats://127.0.0.1:4222`: one node of a
//!   cluster. Start it in several terminals, and end one of them with Ctrl-C or `kill -9`.
//!   `--features redis` takes `redis://…`.
//!
//! | file | what |
//! |---|---|
//! | `messages.rs` | what is sent |
//! | `handlers.rs`, `reactions.rs` | what runs: for commands and queries, and for events |
//! | `store.rs`, `couriers.rs`, `journal.rs` | the state of the handlers |
//! | `shop.rs` | how a node is made of all this |
//! | `story/` | three nodes in one process |
//! | `terminal.rs` | one node of a cluster |

mod couriers;
mod handlers;
mod journal;
mod messages;
mod reactions;
mod shop;
mod store;
mod story;
mod terminal;

use anyhow::bail;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => story::tell().await,
        ["--broker", url] => terminal::run(url).await,
        _ => bail!("usage: orders [--broker URL]"),
    }
}
