//! Calls between nodes: one frame there, one frame back.
//!
//! The receiver executes or refuses, and never forwards. The caller asks another node, or the
//! same one later, only after an answer that proves that nothing ran.

mod answer;
mod broadcast;
mod call;
mod error;
mod load;
mod refusal;
mod request;
mod serve;

pub use error::RemoteError;
pub use refusal::Refusal;

pub(crate) use answer::answer_of;
pub(crate) use broadcast::{broadcast, listen, subscribe};
pub(crate) use call::{call, call_at};
pub(crate) use load::{Latency, exchange};
pub(crate) use serve::serve;
