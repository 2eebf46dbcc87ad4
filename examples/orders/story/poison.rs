//! A message that cannot be handled, until somebody does something about it.

use anyhow::{Context as _, ensure};
use catga::Node;

use super::{crash, until};
use crate::messages::PlaceOrder;
use crate::shop::Shop;

pub async fn replayed_after_the_fix(nodes: &[Node], shop: &Shop) -> anyhow::Result<()> {
    println!("\n== A poison message goes to the dead letters, and comes back after the fix\n");
    let order = PlaceOrder {
        order_id: "heavy".into(),
        sku: "anvil".into(),
        quantity: 1,
    };
    let node = &nodes[0];
    node.enqueue(order).await?;
    until("the dead letter is there", async || {
        Ok(!node.dead_letters().await?.is_empty())
    })
    .await?;
    let letters = node.dead_letters().await?;
    let letter = letters.first().context("there is a dead letter")?;
    println!(
        "dead letter {}: {} {}, given up by `{}` on {} after attempt {}: {}",
        letter.number(),
        letter.message(),
        letter.key().unwrap_or_default(),
        letter.handler().unwrap_or_default(),
        letter.node(),
        letter.attempts(),
        letter.error_chain().join(": ")
    );

    println!("a truck is bought, and the letter is replayed for the handler that failed");
    shop.couriers.buy_a_truck();
    ensure!(node.replay(letter).await?.is_some());
    shop.journal.wait_for("shipped", crash::ORDERS + 2).await?;

    // The other handler of the event had done its part before.
    let invoiced = shop.journal.all("invoiced");
    let of_heavy = invoiced.iter().filter(|entry| entry.order_id == "heavy");
    ensure!(of_heavy.count() == 1);
    ensure!(node.dead_letters().await?.is_empty());
    println!("shipped; the invoice was not written twice");
    Ok(())
}
