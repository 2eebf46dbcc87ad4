use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;

use super::{StoreError, StoreFuture};

/// Messages of a batch that are on their way, in their order.
pub(in crate::node) enum UnderWay<'a, T: 'a> {
    /// Once begun they go on by themselves: the first is waited for, and the others cost nothing
    /// meanwhile.
    Handed(VecDeque<StoreFuture<'a, T>>),
    /// They go on when they are polled.
    Polled(FuturesOrdered<StoreFuture<'a, T>>),
}

impl<'a, T: 'a> UnderWay<'a, T> {
    pub(in crate::node) fn new(handed: bool) -> Self {
        if handed {
            Self::Handed(VecDeque::new())
        } else {
            Self::Polled(FuturesOrdered::new())
        }
    }

    pub(in crate::node) fn len(&self) -> usize {
        match self {
            Self::Handed(messages) => messages.len(),
            Self::Polled(messages) => messages.len(),
        }
    }

    pub(in crate::node) fn push(&mut self, message: StoreFuture<'a, T>) {
        match self {
            Self::Handed(messages) => messages.push_back(message),
            Self::Polled(messages) => messages.push_back(message),
        }
    }

    /// What became of the first; `None` if there is none.
    pub(in crate::node) async fn next(&mut self) -> Option<Result<T, StoreError>> {
        match self {
            Self::Handed(messages) => Some(messages.pop_front()?.await),
            Self::Polled(messages) => messages.next().await,
        }
    }
}
