//! A small order service in one process: no server needed.
//!
//! Run it with `cargo run --example orders`.

mod books;
mod handlers;
mod messages;
mod store;

use anyhow::ensure;
use catga::{Node, SendError};

use books::Books;
use messages::{CancelOrder, FindOrder, Order, OrderError, PlaceOrder, Status};
use store::Store;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Store::stocked([("tea", 10), ("cup", 1)]);
    let books = Books::default();
    let node = Node::builder("orders")
        .state(store.clone())
        .state(books.clone())
        .start()
        .await?;
    println!(
        "node {} of service `{}`\n\n{}\n",
        node.id(),
        node.service(),
        node.wiring()
    );

    println!("— place an order: a direct call to the handler in this process");
    let receipt = node.send(order("o-1", "tea", 4)).await?;
    println!("  {receipt:?}");
    ensure!(receipt.total_cents == 4 * 350);

    println!("— a business error arrives as the handler's own type");
    match node.send(order("o-2", "cup", 2)).await {
        Err(SendError::Rejected(OrderError::SoldOut { sku, left })) => {
            println!("  {sku} is sold out, {left} left");
        }
        other => anyhow::bail!("expected a rejection, got {other:?}"),
    }

    println!("— ask for what is there");
    let found = node.send(find("o-1")).await?;
    println!("  {found:?}");
    ensure!(found.is_some_and(|order| order.status == Status::Placed));

    println!("— enqueue commands: stored at once, handled in order per key");
    let cancel = CancelOrder {
        order_id: "o-3".into(),
    };
    node.enqueue(order("o-3", "tea", 1)).await?;
    let stored = node.enqueue(cancel).await?;
    println!("  stored {}", stored.id());

    println!("— drain: finish what is stored, then leave");
    node.shutdown().await?;

    let orders = store.orders();
    for Order {
        order_id, status, ..
    } in &orders
    {
        println!("  {order_id}: {status:?}");
    }
    ensure!(
        orders
            .iter()
            .any(|order| order.order_id == "o-3" && order.status == Status::Cancelled)
    );

    println!("— the event had two handlers, and one of them failed at first");
    for line in books.lines() {
        println!("  {line}");
    }
    // Each placed order: one invoice and one parcel. The first parcel took two attempts.
    let lines = books.lines();
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    ensure!(count("invoice") == 2 && count("parcel") == 2 && count("no courier") == 1);
    ensure!(node.dead_letters().await?.is_empty());

    println!(
        "\n{} orders, {} invoices, {} parcels, 0 dead letters",
        orders.len(),
        count("invoice"),
        count("parcel"),
    );
    Ok(())
}

fn order(order_id: &str, sku: &str, quantity: u32) -> PlaceOrder {
    PlaceOrder {
        order_id: order_id.into(),
        sku: sku.into(),
        quantity,
    }
}

fn find(order_id: &str) -> FindOrder {
    FindOrder {
        order_id: order_id.into(),
    }
}
