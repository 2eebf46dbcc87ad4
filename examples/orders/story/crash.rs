//! Stored messages, and a node that dies while it handles them.

use std::time::Instant;

use anyhow::ensure;
use catga::Node;

use super::{owners, proof};
use crate::messages::{PackItem, PlaceOrder};
use crate::shop::Shop;

pub const ORDERS: usize = 12;
const PIECES_EACH: u32 = 8;
pub const PIECES: usize = ORDERS * PIECES_EACH as usize;

/// The names of the orders.
pub fn orders() -> impl Iterator<Item = String> {
    (1..=ORDERS).map(|number| format!("o-{number:02}"))
}

/// Returns how often a piece was begun again.
pub async fn in_the_middle(nodes: &mut Vec<Node>, shop: &Shop) -> anyhow::Result<usize> {
    println!("\n== {ORDERS} orders and {PIECES} pieces are stored, and a node dies\n");
    let anna = &nodes[0];
    store(anna).await?;
    println!("stored: from here on they are handled, whatever becomes of a node");

    shop.journal.wait_for("packed", PIECES / 3).await?;
    let ben = nodes.remove(1);
    let owned = owners::orders_of(&ben);
    println!(
        "{} pieces are packed, and {} dies without a word; it owned {}",
        shop.journal.all("packed").len(),
        ben.id(),
        owned.join(" ")
    );
    // The last handle of a node, and no `shutdown`: that is a crash.
    drop(ben);
    let died = Instant::now();

    owners::settled(nodes).await?;
    println!(
        "{:.1} s later the others have taken over:\n",
        died.elapsed().as_secs_f64()
    );
    owners::print(nodes);

    shop.journal.wait_for("packed", PIECES).await?;
    // The first order of the calls is among those that were invoiced and shipped.
    shop.journal.wait_for("invoiced", ORDERS + 1).await?;
    shop.journal.wait_for("shipped", ORDERS + 1).await?;
    let repeated = proof::packed_in_order(shop, PIECES_EACH)?;
    println!();
    for order_id in &owned {
        println!("{order_id}: {}", proof::by_node(shop, order_id));
    }
    println!(
        "\nall {PIECES} pieces are packed, those of each order from first to last; {repeated} of them were begun again"
    );
    ensure!(nodes[0].dead_letters().await?.is_empty());
    Ok(repeated)
}

/// The orders, then their pieces in turn: those of one order are handled one after the other,
/// those of different orders at the same time.
async fn store(node: &Node) -> anyhow::Result<()> {
    let placed = orders().map(|order_id| PlaceOrder {
        order_id,
        sku: "tea".into(),
        quantity: PIECES_EACH,
    });
    for stored in node.enqueue_all(placed).await {
        stored?;
    }
    let pieces = (1..=PIECES_EACH)
        .flat_map(|item| orders().map(move |order_id| PackItem { order_id, item }));
    for stored in node.enqueue_all(pieces).await {
        stored?;
    }
    Ok(())
}
