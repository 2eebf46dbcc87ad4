//! Guides: what goes together, beyond the reference of single items.

#[doc = include_str!("delivery.md")]
pub mod delivery {}

#[doc = include_str!("cluster.md")]
pub mod cluster {}

#[doc = include_str!("brokers.md")]
pub mod brokers {}

#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("testing.md")]
pub mod testing {}
