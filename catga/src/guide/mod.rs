//! Guides: what goes together, beyond the reference of single items.

#[doc = include_str!("delivery.md")]
pub mod delivery {}

#[doc = include_str!("shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("testing.md")]
pub mod testing {}
