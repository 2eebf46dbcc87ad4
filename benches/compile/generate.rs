//! Writes the programs: the same messages in all, their handlers in two, a call of each in one.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::write_if_changed;

pub(crate) const MESSAGES: &str = "messages";
pub(crate) const HANDLERS: &str = "handlers";
pub(crate) const SENDS: &str = "sends";

const PREAMBLE: &str = r#"#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use catga::{Node, State, command, handler};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    pub number: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum OrderError {
    SoldOut { sku: String },
    TooMany { limit: u32 },
}

impl std::fmt::Display for OrderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SoldOut { sku } => write!(f, "{sku} is sold out"),
            Self::TooMany { limit } => write!(f, "more than {limit}"),
        }
    }
}

impl std::error::Error for OrderError {}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let node = Node::builder("budget").state(Arc::new(AtomicU64::new(0))).start().await?;
        node.shutdown().await?;
        Ok(())
    })
}
"#;

/// The line before which the calls are written.
const SHUTDOWN: &str = "        node.shutdown().await?;\n";

/// A workspace of the programs, with the versions that the repository has locked.
pub(crate) fn workspace(directory: &Path, repository: &Path, handlers: usize) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let names = [MESSAGES, HANDLERS, SENDS];
    let members = format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n");
    write_if_changed(&directory.join("Cargo.toml"), &members)?;
    fs::copy(repository.join("Cargo.lock"), directory.join("Cargo.lock"))?;

    let mut messages = PREAMBLE.replace(", State, command, handler", ", command");
    (0..handlers).for_each(|number| message(&mut messages, number));
    program(directory, repository, MESSAGES, &messages)?;

    let mut handled = PREAMBLE.to_owned();
    for number in 0..handlers {
        message(&mut handled, number);
        handler(&mut handled, number);
    }
    program(directory, repository, HANDLERS, &handled)?;

    let sends = (0..handlers).fold(String::new(), |mut sends, number| {
        let _ = writeln!(sends, "        send_{number}(&node).await?;");
        sends
    });
    let mut sent = handled.replace(SHUTDOWN, &format!("{sends}{SHUTDOWN}"));
    (0..handlers).for_each(|number| send(&mut sent, number));
    program(directory, repository, SENDS, &sent)
}

fn program(directory: &Path, repository: &Path, name: &str, source: &str) -> io::Result<()> {
    let package = directory.join(name);
    fs::create_dir_all(package.join("src"))?;
    let catga = repository.join("catga");
    let manifest = format!(
        "[package]\nname = {name:?}\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\n\
         catga = {{ path = {catga:?} }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         tokio = {{ version = \"1\", features = [\"rt\"] }}\n"
    );
    write_if_changed(&package.join("Cargo.toml"), &manifest)?;
    write_if_changed(&package.join("src/main.rs"), source)
}

fn message(source: &mut String, number: usize) {
    let _ = write!(
        source,
        r#"
#[command(response = Receipt, error = OrderError)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlaceOrder{number} {{
    pub order_id: String,
    pub sku: String,
    pub quantity: u32,
}}
"#
    );
}

/// Each does something of its own, so that the linker cannot fold them into one.
fn handler(source: &mut String, number: usize) {
    let _ = write!(
        source,
        r#"
#[handler]
async fn place_order_{number}(
    order: PlaceOrder{number},
    State(placed): State<Arc<AtomicU64>>,
) -> Result<Receipt, OrderError> {{
    if order.quantity > {limit} {{
        return Err(OrderError::TooMany {{ limit: {limit} }});
    }}
    if order.order_id == order.sku {{
        return Err(OrderError::SoldOut {{ sku: order.sku }});
    }}
    Ok(Receipt {{ number: placed.fetch_add({limit}, std::sync::atomic::Ordering::Relaxed) }})
}}
"#,
        limit = number + 10
    );
}

fn send(source: &mut String, number: usize) {
    let _ = write!(
        source,
        r#"
async fn send_{number}(node: &Node) -> Result<u64, Box<dyn std::error::Error>> {{
    let (order_id, sku) = (String::from("{number}"), String::from("book"));
    let receipt = node.send(PlaceOrder{number} {{ order_id, sku, quantity: 1 }}).await?;
    Ok(receipt.number)
}}
"#
    );
}
