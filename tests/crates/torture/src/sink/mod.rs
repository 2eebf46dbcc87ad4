//! Where handlers write: a database outside of their processes, which refuses a write with a fence
//! below one that it has seen for the key.

mod client;
mod line;
mod server;

pub use client::Sink;
pub use line::Execution;
pub use server::serve;
