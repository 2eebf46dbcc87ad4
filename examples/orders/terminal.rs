//! One node of a cluster, until Ctrl-C. Start it several times.

use std::time::Duration;

use catga::Node;
use catga::routing::DEFAULT_PARTITIONS;
use tokio::time::interval;

use crate::messages::{PackItem, PlaceOrder};
use crate::shop::Shop;

const PIECES: u32 = 3;

pub async fn run(broker: &str) -> anyhow::Result<()> {
    let shop = Shop::open(true);
    let node = shop.node(broker).start().await?;
    println!("this is node {}; Ctrl-C ends it", node.id());
    println!("what the broker promises: {}", node.guarantees().await?);

    let mut members = node.watch();
    members.mark_changed();
    let mut orders = 0;
    let mut next_order = interval(Duration::from_secs(2));
    let told_to_end = tokio::signal::ctrl_c();
    tokio::pin!(told_to_end);
    loop {
        tokio::select! {
            told = &mut told_to_end => break told?,
            Ok(()) = members.changed() => {
                let members = members.borrow_and_update();
                let names: Vec<_> = members.iter().map(|member| member.id().as_str()).collect();
                println!("nodes: {}", names.join(", "));
            }
            _ = next_order.tick() => {
                orders += 1;
                // A broker that is away for a while is no reason to end.
                if let Err(error) = place(&node, &format!("{}-{orders}", node.id())).await {
                    println!("! {error:#}");
                }
            }
        }
    }

    println!("leaving: what runs is finished, what this node owns goes to the others");
    node.shutdown().await?;
    println!("left after {orders} orders");
    Ok(())
}

/// Places an order, whose owner may be any node, and has it packed.
async fn place(node: &Node, order_id: &str) -> anyhow::Result<()> {
    let order = PlaceOrder {
        order_id: order_id.to_owned(),
        sku: "tea".into(),
        quantity: PIECES,
    };
    let receipt = node.send(order).await?;
    println!(
        "{order_id} was taken by {}; this node has {} of {DEFAULT_PARTITIONS} partitions",
        receipt.taken_by,
        node.partitions().len()
    );
    let pieces = (1..=PIECES).map(|item| PackItem {
        order_id: order_id.to_owned(),
        item,
    });
    for stored in node.enqueue_all(pieces).await {
        stored?;
    }
    Ok(())
}
