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
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod redis;
mod records;

pub use error::TransportError;
pub use frame::Frame;
pub use memory::Memory;
#[cfg(feature = "redis")]
pub use self::redis::Redis;
pub use messenger::{Inbox, Incoming, Messenger, RequestError, Subscription};
#[cfg(feature = "nats")]
pub use nats::{Nats, Storage as NatsStorage};
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
    /// Connects, and checks whether the broker can be used, before a node that starts asks it for
    /// anything else.
    ///
    /// *Should* end in a bounded time. The default has nothing to connect to.
    fn connect(&self) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// The shared records.
    fn records(&self) -> &dyn Records;

    /// Frames from node to node.
    fn messenger(&self) -> &dyn Messenger;
}
