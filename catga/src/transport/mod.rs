//! What a cluster stands on: a few small contracts that each broker implements.
//!
//! A transport carries records that every node sees ([`Records`]), frames from node to node
//! ([`Messenger`]), queues of stored messages ([`Queues`]) and small values beside them
//! ([`Marks`]). Everything else, from membership to who owns what, is written once above
//! them. The in-process transport `memory://NAME` is a full implementation and runs the same
//! tests as every other.
//!
//! The contracts say *must* where correctness rests on it and *may* where it is an advantage.
//!
//! A transport of your own implements them and is given to
//! [`Builder::broker`](crate::node::Builder::broker). They follow what the delivery above them needs:
//! unlike the rest of the crate, they may change in any minor release.

mod entry;
mod error;
mod frame;
mod guarantees;
mod intake;
mod marks;
pub(crate) mod memory;
mod messenger;
#[cfg(feature = "nats")]
mod nats;
mod queues;
mod records;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "nats", feature = "redis"))]
mod rfc3339;

#[cfg(feature = "redis")]
pub use self::redis::Redis;
pub use entry::{Entry, Malformed};
pub(crate) use entry::{REPLAY, REPLAY_HANDLER};
pub use error::TransportError;
pub use frame::Frame;
pub use guarantees::{Durability, Guarantees};
pub use intake::{GIVE_BACK_DELAY, Intake, Received, Shared, SharedIntake, Taken, VISIBILITY};
pub use marks::Marks;
pub use memory::Memory;
pub use messenger::{Inbox, Incoming, Messenger, RequestError, Subscription};
#[cfg(feature = "nats")]
pub use nats::{Nats, Storage as NatsStorage};
pub use queues::{
    Ack, Acked, Append, AppendError, Appended, DOOR, Fetched, Generation, Opened, Part, Position,
    Queue, Queues, Release, StoredLetter, Ticket,
};
pub use records::{
    Change, Expect, Identity, InvalidRecordKey, Read, Record, RecordKey, Records, Revision, Watch,
    WriteError, Written,
};

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

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

    /// How long a node without a heartbeat is taken to be alive over this broker, where its builder
    /// says nothing; `None` for the 10 seconds that most brokers need.
    ///
    /// Longer than the broker takes to recover from what it recovers from by itself, as from the
    /// loss of one of its servers: heartbeats fail meanwhile, and no node should be taken for dead.
    fn node_timeout(&self) -> Option<Duration> {
        None
    }

    /// The shared records.
    fn records(&self) -> &dyn Records;

    /// Frames from node to node.
    fn messenger(&self) -> &dyn Messenger;

    /// Stored messages.
    fn queues(&self) -> &dyn Queues;

    /// Small values beside them.
    fn marks(&self) -> &dyn Marks;

    /// What the broker promises of what it stores, as it is set up now.
    fn guarantees(&self) -> BoxFuture<'_, Result<Guarantees, TransportError>>;
}
