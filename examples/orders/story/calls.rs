//! `send`: from any node to the owner of the order, with a typed answer.

use anyhow::{bail, ensure};
use catga::{Node, SendError};

use crate::messages::{CancelOrder, FindOrder, OrderError, PlaceOrder, Status};

pub async fn place_and_ask(nodes: &[Node]) -> anyhow::Result<()> {
    println!("\n== Calls: every node may be asked, the owner of the order answers\n");
    let order_id = "first";
    let order = PlaceOrder {
        order_id: order_id.into(),
        sku: "cup".into(),
        quantity: 2,
    };
    for node in nodes {
        // The same order again changes nothing.
        let receipt = node.send(order.clone()).await?;
        println!(
            "{} sends the order `{order_id}`, {} takes it: {} cents",
            node.id(),
            receipt.taken_by,
            receipt.total_cents
        );
        ensure!(receipt.total_cents == 700);
    }

    let too_many = PlaceOrder {
        order_id: "greedy".into(),
        sku: "cup".into(),
        quantity: 5_000,
    };
    match nodes[0].send(too_many).await {
        Err(SendError::Rejected(OrderError::SoldOut { sku, left })) => {
            println!(
                "a business error arrives as the handler's own type: {sku} is sold out, {left} left"
            );
        }
        other => bail!("expected a rejection, got {other:?}"),
    }

    let found = nodes[1]
        .send(FindOrder {
            order_id: order_id.into(),
        })
        .await?;
    ensure!(found.is_some_and(|order| order.status == Status::Placed));
    nodes[2]
        .send(CancelOrder {
            order_id: order_id.into(),
        })
        .await?;
    let found = nodes[0]
        .send(FindOrder {
            order_id: order_id.into(),
        })
        .await?;
    ensure!(found.is_some_and(|order| order.status == Status::Cancelled));
    println!("the first order was found, cancelled, and found again");
    Ok(())
}
