use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::TryFutureExt as _;
use tokio::task::coop::poll_proceed;

use super::begun::Begun;
use super::receipt::Services;
use super::{New, Receipt, StoreError};
use crate::message::MessageId;
use crate::node::Core;
use crate::transport::BoxFuture;

/// The future of [`Node::enqueue`](crate::Node::enqueue), [`Node::publish`](crate::Node::publish)
/// and [`Node::broadcast`](crate::Node::broadcast).
///
/// The message is encoded when the verb is called; nothing of it is stored before the first poll.
/// Without a broker and with room in the queue that poll is all there is, and nothing is allocated
/// beside the message itself.
///
/// Its type does not name the message: a message of the wrong kind is one error, where it is used.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct StoreFuture<'a, T> {
    core: &'a Arc<Core>,
    state: State<'a, T>,
}

enum State<'a, T> {
    /// Not polled yet.
    New(New, Receipt<T>),
    Failed(StoreError),
    /// Handed over to a broker, and not polled since.
    Begun(Begun<'a>, Receipt<T>),
    Waiting(BoxFuture<'a, Result<T, StoreError>>),
    Done,
}

impl<'a, T: 'a> StoreFuture<'a, T> {
    #[inline]
    pub(super) fn new(
        core: &'a Arc<Core>,
        new: Result<New, StoreError>,
        receipt: Receipt<T>,
    ) -> Self {
        Self {
            core,
            state: match new {
                Ok(new) => State::New(new, receipt),
                Err(error) => State::Failed(error),
            },
        }
    }

    /// What cannot be done at once is done behind a box.
    #[cold]
    fn wait(&mut self) {
        let core = self.core;
        self.state = match (
            std::mem::replace(&mut self.state, State::Done),
            &core.engine,
        ) {
            (State::New(new, receipt), None) => {
                State::Waiting(Box::pin(new.store(core).map_ok(told(receipt))))
            }
            (State::Begun(begun, receipt), Some(engine)) => {
                State::Waiting(Box::pin(begun.stored(core, engine).map_ok(told(receipt))))
            }
            (state, _) => state,
        };
    }

    /// Hands the message over to the broker now, if there is one, and not at the first poll.
    pub(in crate::node) fn begun(mut self) -> Self {
        self.begin();
        self
    }

    /// Whether the message was handed over to a broker.
    fn begin(&mut self) -> bool {
        let core = self.core;
        let (Some(engine), State::New(..)) = (&core.engine, &self.state) else {
            return false;
        };
        if let State::New(new, receipt) = std::mem::replace(&mut self.state, State::Done) {
            self.state = match new.append(core, engine) {
                Ok(begun) => State::Begun(begun, receipt),
                Err(error) => State::Failed(error),
            };
        }
        true
    }

    pub(in crate::node) fn boxed(
        core: &'a Arc<Core>,
        future: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Self {
        Self {
            core,
            state: State::Waiting(Box::pin(future)),
        }
    }
}

impl<'a, T: 'a> Future for StoreFuture<'a, T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let core = self.core;
        if matches!(self.state, State::New(..) | State::Begun(..)) {
            // Whoever stores without a pause lets those have their turn who handle it.
            ready!(poll_proceed(cx)).made_progress();
        }
        if let State::New(new, receipt) = &mut self.state {
            let receipt = *receipt;
            match new.store_now(core) {
                Ok(Some((id, services))) => {
                    self.state = State::Done;
                    return Poll::Ready(Ok(receipt(id, false, services)));
                }
                Ok(None) => {
                    if !self.begin() {
                        self.wait();
                    }
                }
                Err(error) => {
                    self.state = State::Done;
                    return Poll::Ready(Err(error));
                }
            }
        }
        if let State::Begun(begun, receipt) = &mut self.state {
            // Most of a batch are stored when they are looked at, and need neither box nor timer.
            if let Some(stored) = begun.stored_now() {
                let stored = stored.map(told(*receipt));
                self.state = State::Done;
                return Poll::Ready(stored);
            }
            self.wait();
        }
        let stored = match &mut self.state {
            State::Waiting(waiting) => ready!(waiting.as_mut().poll(cx)),
            State::Failed(_) => match std::mem::replace(&mut self.state, State::Done) {
                State::Failed(error) => Err(error),
                _ => return Poll::Pending,
            },
            // Polled after its end: nothing will ever come.
            State::New(..) | State::Begun(..) | State::Done => return Poll::Pending,
        };
        self.state = State::Done;
        Poll::Ready(stored)
    }
}

/// Makes the receipt.
fn told<T>(receipt: Receipt<T>) -> impl FnOnce((MessageId, bool, Services)) -> T {
    move |(id, repeated, services)| receipt(id, repeated, services)
}

// Nothing in it is pinned but what is behind a box.
impl<T> Unpin for StoreFuture<'_, T> {}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFuture")
    }
}
