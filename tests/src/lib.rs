//! What the tests share.

pub mod contract;
pub mod faulty;
pub mod servers;
pub mod suite;

mod errors;
mod wait;

pub use errors::texts;
pub use wait::{dead_letter, eventually};
