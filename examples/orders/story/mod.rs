//! Three nodes in one process, of which one dies in the middle.

mod calls;
mod crash;
mod owners;
mod poison;
mod proof;

use std::time::{Duration, Instant};

use catga::Node;

use crate::shop::Shop;

/// Short, so that a death is noticed soon. In production the defaults are 3 s and 10 s.
const HEARTBEAT: Duration = Duration::from_millis(500);
const NODE_TIMEOUT: Duration = Duration::from_secs(3);

pub async fn tell() -> anyhow::Result<()> {
    let started = Instant::now();
    let shop = Shop::open(false);

    println!("== Three nodes of one service, in one process\n");
    let mut nodes = Vec::new();
    for id in ["anna", "ben", "cleo"] {
        let node = shop
            .node("memory://orders")
            .id(id)
            .heartbeat(HEARTBEAT)
            .node_timeout(NODE_TIMEOUT)
            .start()
            .await?;
        nodes.push(node);
    }
    println!("{}\n", nodes[0].wiring());
    println!(
        "what the broker promises: {}\n",
        nodes[0].guarantees().await?
    );
    owners::settled(&nodes).await?;
    owners::print(&nodes);

    calls::place_and_ask(&nodes).await?;
    let repeated = crash::in_the_middle(&mut nodes, &shop).await?;
    poison::replayed_after_the_fix(&nodes, &shop).await?;

    println!("\n== Drain, hand over, leave\n");
    for node in &nodes {
        node.shutdown().await?;
        println!("{} has left", node.id());
    }

    let letters = nodes[0].dead_letters().await?.len();
    println!(
        "\n{} orders, {} pieces packed in order, {repeated} begun again after the crash, 0 lost, {letters} dead letters; {:.1} s",
        crash::ORDERS + 2,
        crash::PIECES,
        started.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// Looks again until something is so. Fails if that takes too long.
async fn until(
    what: &str,
    mut is: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let looked = tokio::time::timeout(Duration::from_secs(30), async {
        while !is().await? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    });
    looked
        .await
        .unwrap_or_else(|_| anyhow::bail!("not within 30 s: {what}"))
}

/// The node's name, in a column.
fn name(node: &Node) -> String {
    format!("{:<6}", node.id().as_str())
}
