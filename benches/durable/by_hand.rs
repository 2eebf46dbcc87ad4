//! What the loops by hand have in common: the attributes that catga sends, and partitions.

use catga::MessageId;

use crate::nodes::PARTITIONS;
use crate::parcel::Parcel;

/// The time of all parcels: to write it down is nothing that a loop by hand would be faster without.
pub(crate) const TIME: &str = "2026-11-22T13:30:20.123456789Z";

/// The attributes of a parcel, as `CloudEvents` has them.
pub(crate) fn attributes(id: &str, order: &str) -> [(&'static str, String); 7] {
    [
        ("ce-id", id.to_owned()),
        ("ce-type", "Parcel".to_owned()),
        ("ce-source", "parcels".to_owned()),
        ("ce-specversion", "1.0".to_owned()),
        ("ce-time", TIME.to_owned()),
        ("ce-partitionkey", order.to_owned()),
        ("content-type", "application/json".to_owned()),
    ]
}

pub(crate) fn new_id() -> String {
    MessageId::new().to_string()
}

/// FNV-1a over the key.
pub(crate) fn partition(parcel: &Parcel) -> u32 {
    let hash = parcel.order.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % PARTITIONS
}

/// The partitions of one of so many nodes.
pub(crate) fn share(node: usize, nodes: usize) -> impl Iterator<Item = u32> {
    (0..PARTITIONS).filter(move |partition| *partition as usize % nodes == node)
}
