//! What a cluster stands on: a few small contracts that each broker implements.
//!
//! A transport carries records that every node sees ([`Records`]) and frames from node to node
//! ([`Messenger`]). Everything else, from membership to who owns what, is written once above
//! them. The in-process transport `memory://NAME` is a full implementation and runs the same
//! tests as every other.
//!
//! The contracts say *must* where correctness rests on it and *may* where it is an advantage.

mod error;
mod frame;
pub(crate) mod memory;
mod messenger;
mod records;

pub use error::TransportError;
pub use frame::Frame;
pub use memory::Memory;
pub use messenger::{Inbox, Incoming, Messenger, RequestError, Subscription};
pub use records::{
    Change, Expect, Identity, Read, Record, RecordKey, Records, Revision, Watch, WriteError,
    Written,
};

use std::fmt;
use std::pin::Pin;

/// A boxed future, as the object-safe contracts return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection to a broker, in one namespace.
///
/// Object-safe: nodes hold it as `Arc<dyn Transport>`.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// The shared records.
    fn records(&self) -> &dyn Records;

    /// Frames from node to node.
    fn messenger(&self) -> &dyn Messenger;
}
