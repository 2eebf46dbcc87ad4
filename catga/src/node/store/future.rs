use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::StoreError;
use crate::delivery::BoxFuture;

/// The future of [`Node::enqueue`](crate::Node::enqueue), [`Node::publish`](crate::Node::publish)
/// and [`Node::broadcast`](crate::Node::broadcast).
///
/// Boxed, so that its type does not name the message: a message of the wrong kind is one error,
/// where it is used.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct StoreFuture<'a, T>(BoxFuture<'a, Result<T, StoreError>>);

impl<'a, T> StoreFuture<'a, T> {
    pub(in crate::node) fn new(
        future: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Self {
        Self(Box::pin(future))
    }
}

impl<T> Future for StoreFuture<'_, T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFuture")
    }
}
