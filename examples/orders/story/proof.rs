//! Was anything lost, or out of order?

use anyhow::ensure;

use super::crash;
use crate::shop::Shop;

/// Fails unless every piece is packed, and each order's pieces were begun in order. Returns how
/// many were begun again: the dead node had them in its hands, or had not yet said that they were
/// done. That is "at least once".
pub fn packed_in_order(shop: &Shop, pieces: u32) -> anyhow::Result<usize> {
    let expected: Vec<u32> = (1..=pieces).collect();
    let begun = shop.journal.all("begins");
    let mut repeated = 0;
    for order in crash::orders() {
        let packed = shop.store.parcel(&order);
        ensure!(packed == expected, "{order} has lost pieces: {packed:?}");

        let mut first_times = Vec::new();
        for entry in begun.iter().filter(|entry| entry.order_id == order) {
            if first_times.contains(&entry.item) {
                repeated += 1;
            } else {
                first_times.push(entry.item);
            }
        }
        ensure!(
            first_times == expected,
            "{order} was packed out of order: {first_times:?}"
        );
    }
    Ok(repeated)
}

/// Which node packed which pieces of an order.
pub fn by_node(shop: &Shop, order_id: &str) -> String {
    let packed = shop.journal.all("packed");
    let mut told = String::new();
    let mut last = "";
    for entry in packed.iter().filter(|entry| entry.order_id == order_id) {
        if entry.node != last {
            let comma = if last.is_empty() { "" } else { ", " };
            last = &entry.node;
            told += &format!("{comma}{last} packed");
        }
        told += &format!(" {}", entry.item);
    }
    told
}
