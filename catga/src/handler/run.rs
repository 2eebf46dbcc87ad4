use std::any::Any;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::execution::Armed;
use super::inline::InlineFuture;
use crate::message::Message;
use crate::node::SendError;

/// What a handler of `M` comes to.
#[doc(hidden)]
pub type Reply<M> = Result<<M as Message>::Response, SendError<<M as Message>::Error>>;

pin_project! {
    /// One execution of a handler that comes to `T`: nothing, or its future while it waits.
    #[doc(hidden)]
    pub struct Run<T: 'static> {
        #[pin]
        future: InlineFuture<T, Armed>,
    }
}

impl<T: Send + 'static> Run<T> {
    pub(super) fn new() -> Self {
        Self {
            future: InlineFuture::empty(),
        }
    }

    /// Polls the handler's future for the first time; `convert` makes a reply of what the handler
    /// returns.
    #[doc(hidden)]
    #[inline]
    pub fn future<F, C>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        future: F,
        convert: C,
    ) -> Poll<T>
    where
        F: Future + Send + 'static,
        C: Fn(F::Output) -> T + Send + 'static,
    {
        self.project()
            .future
            .start(cx, Converted { future, convert })
    }

    /// The reply of what a handler that is a plain `fn` returned.
    #[doc(hidden)]
    #[inline]
    #[allow(clippy::unused_self, reason = "called as `future` is")]
    pub fn value<V, C>(self: Pin<&mut Self>, _: &mut Context<'_>, value: V, convert: C) -> Poll<T>
    where
        C: Fn(V) -> T,
    {
        Poll::Ready(convert(value))
    }

    /// Starts a handler. Together with [`Run::poll`] the one place where a handler's panic is
    /// caught.
    #[inline(always)]
    pub(super) fn start(
        self: Pin<&mut Self>,
        start: impl FnOnce(Pin<&mut Self>) -> Poll<T>,
    ) -> Result<Poll<T>, Panic> {
        catch_unwind(AssertUnwindSafe(|| start(self))).map_err(Panic::new)
    }

    /// Keeps the deadline of a handler that waits, and what is told at its end.
    pub(super) fn arm(self: Pin<&mut Self>, armed: Armed) {
        self.project().future.keep(armed);
    }

    /// The deadline of a handler that waits; `None` where none does.
    pub(super) fn armed(self: Pin<&mut Self>) -> Option<Pin<&mut Armed>> {
        self.project().future.beside()
    }

    /// Polls a handler that waits. At its end nothing is left here.
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<Poll<T>, Panic> {
        let mut future = self.project().future;
        catch_unwind(AssertUnwindSafe(|| {
            let polled = future.as_mut().poll(cx);
            if polled.is_ready() {
                future.clear();
            }
            polled
        }))
        .map_err(Panic::new)
    }

    /// Drops the handler's future: it stops at the await where it is. What it holds may panic then.
    pub(super) fn cancel(self: Pin<&mut Self>) -> Result<(), Panic> {
        catch_unwind(AssertUnwindSafe(|| self.project().future.clear())).map_err(Panic::new)
    }
}

impl<T: 'static> fmt::Debug for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("future", &self.future).finish()
    }
}

pin_project! {
    // Written by hand: an `async` block around the handler's future would be a second state
    // machine, which costs more than everything else here.
    struct Converted<F, C> {
        #[pin]
        future: F,
        convert: C,
    }
}

impl<F, C, T> Future for Converted<F, C>
where
    F: Future,
    C: Fn(F::Output) -> T,
{
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        this.future.poll(cx).map(this.convert)
    }
}

/// A caught panic: its text.
#[derive(Debug)]
pub(crate) struct Panic {
    pub(crate) text: String,
}

impl Panic {
    #[cold]
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a text".to_owned());
        // A payload may be anything, so its drop may panic as well. What that one leaves behind is
        // not dropped at all, or there would be no end.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            let _ = ManuallyDrop::new(payload);
        }
        Self { text }
    }
}
