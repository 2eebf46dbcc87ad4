//! Who owns what. A key belongs to a partition, and a partition to one node at a time.

use catga::Node;
use catga::routing::{DEFAULT_PARTITIONS, Key, partition_of};

use super::{crash, name, until};

/// Waits until the nodes own all partitions, each its share.
pub async fn settled(nodes: &[Node]) -> anyhow::Result<()> {
    let all = DEFAULT_PARTITIONS as usize;
    let share = all.div_ceil(nodes.len());
    until("all partitions have an owner", async || {
        let owned: Vec<_> = nodes.iter().map(|node| node.partitions().len()).collect();
        Ok(owned.iter().sum::<usize>() == all && owned.iter().all(|count| *count <= share))
    })
    .await
}

pub fn print(nodes: &[Node]) {
    println!("node    partitions  of the orders below");
    for node in nodes {
        println!(
            "{}  {:<10}  {}",
            name(node),
            node.partitions().len(),
            orders_of(node).join(" ")
        );
    }
}

/// The orders of the example that a node owns.
pub fn orders_of(node: &Node) -> Vec<String> {
    let owned = node.partitions();
    let partition = |order: &str| partition_of(Key::from_text(order).fnv1a32(), DEFAULT_PARTITIONS);
    crash::orders()
        .filter(|order| owned.contains_key(&partition(order)))
        .collect()
}
