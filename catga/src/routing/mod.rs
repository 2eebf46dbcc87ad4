//! Where a message goes.

mod strategy;

pub use strategy::StrategyKind;
