use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{BoxFuture, Expect, Read, Revision, TransportError, WriteError, Written};

/// Small values of one service that nobody watches: ids that were claimed, counts of crashes, what
/// the owner of a partition tells the next.
///
/// Reads and writes *must* be linearizable, and writes are conditional, as for
/// [`Records`](super::Records).
pub trait Marks: fmt::Debug + Send + Sync {
    /// Reads a mark. `name` is of `[A-Za-z0-9=_-]`.
    fn read<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Read, TransportError>>;

    /// Writes a mark if it is what `expect` says, and is [`WriteError::Conflict`] otherwise. It is gone `expires` later, rounded up to whole
    /// seconds; without one it stays until it is removed.
    fn write<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>>;

    /// Removes a mark: with a revision only that version, so that what somebody has written since
    /// stays. Nothing to remove is no error.
    fn remove<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<(), TransportError>>;
}
