use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::TryFutureExt as _;
use tokio::task::coop::poll_proceed;

use super::{New, Receipt, StoreError};
use crate::delivery::BoxFuture;
use crate::node::Core;

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
    fn wait(&mut self, receipt: Receipt<T>) {
        let core = self.core;
        if let State::New(new, _) = std::mem::replace(&mut self.state, State::Done) {
            let told = move |(id, repeated, services)| receipt(id, repeated, services);
            self.state = State::Waiting(match &core.engine {
                Some(engine) => Box::pin(new.append(core, engine).map_ok(told)),
                None => Box::pin(new.store(core).map_ok(told)),
            });
        }
    }

    /// Hands the message over to the broker now, if there is one, and not at the first poll.
    pub(in crate::node) fn begun(mut self) -> Self {
        if self.core.engine.is_some()
            && let State::New(_, receipt) = &self.state
        {
            let receipt = *receipt;
            self.wait(receipt);
        }
        self
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
        if let State::New(new, receipt) = &mut self.state {
            // Whoever stores without a pause lets those have their turn who handle it.
            ready!(poll_proceed(cx)).made_progress();
            let receipt = *receipt;
            match new.store_now(core) {
                Ok(Some((id, services))) => {
                    self.state = State::Done;
                    return Poll::Ready(Ok(receipt(id, false, services)));
                }
                Ok(None) => self.wait(receipt),
                Err(error) => {
                    self.state = State::Done;
                    return Poll::Ready(Err(error));
                }
            }
        }
        let stored = match &mut self.state {
            State::Waiting(waiting) => ready!(waiting.as_mut().poll(cx)),
            State::Failed(_) => match std::mem::replace(&mut self.state, State::Done) {
                State::Failed(error) => Err(error),
                _ => return Poll::Pending,
            },
            // Polled after its end: nothing will ever come.
            State::New(..) | State::Done => return Poll::Pending,
        };
        self.state = State::Done;
        Poll::Ready(stored)
    }
}

// Nothing in it is pinned but what is behind a box.
impl<T> Unpin for StoreFuture<'_, T> {}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFuture")
    }
}
