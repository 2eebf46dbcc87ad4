use std::any::Any;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Call;
use super::inline::InlineFuture;
use crate::BoxError;
use crate::message::Message;
use crate::node::SendError;

/// What a handler of `M` comes to.
#[doc(hidden)]
pub type Reply<M> = Result<<M as Message>::Response, SendError<<M as Message>::Error>>;

/// Starts a handler: reads its parameters from the call and stores its future in the [`Run`].
///
/// Fails, before anything of the handler ran, where a parameter cannot be had.
#[doc(hidden)]
pub type StartFn<M> = fn(Pin<&mut Run<Reply<M>>>, M, &Call<'_>) -> Result<(), BoxError>;

/// A [`StartFn`] as a type that the table can hold as `dyn Any`.
#[doc(hidden)]
pub struct Start<M: Message>(pub(crate) StartFn<M>);

/// Wraps what the macro wrote for a handler of `M`.
///
/// Not a method: the bound of an `impl` block is reported in addition to that of the type.
#[doc(hidden)]
#[must_use]
pub const fn start<M: Message>(start: StartFn<M>) -> Start<M> {
    Start(start)
}

impl<M: Message> fmt::Debug for Start<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Start")
    }
}

pin_project! {
    /// One execution of a handler that comes to `T`: nothing yet, or its future.
    #[doc(hidden)]
    pub struct Run<T: 'static> {
        #[pin]
        future: InlineFuture<T>,
    }
}

impl<T: Send + 'static> Run<T> {
    pub(crate) fn new() -> Self {
        Self {
            future: InlineFuture::empty(),
        }
    }

    /// Stores the handler's future; `convert` makes a reply of what the handler returns.
    #[doc(hidden)]
    #[inline]
    pub fn future<F, C>(self: Pin<&mut Self>, future: F, convert: C)
    where
        F: Future + Send + 'static,
        C: Fn(F::Output) -> T + Send + 'static,
    {
        self.project().future.set(Converted { future, convert });
    }

    /// Stores what a handler that is a plain `fn` returned.
    #[doc(hidden)]
    #[inline]
    pub fn value<V, C>(self: Pin<&mut Self>, value: V, convert: C)
    where
        C: Fn(V) -> T + Send + 'static,
    {
        self.reply(convert(value));
    }

    /// Stores a reply that is there already.
    #[inline]
    pub(crate) fn reply(self: Pin<&mut Self>, reply: T) {
        self.project().future.set(Ready(Some(reply)));
    }

    /// Polls inside of `catch_unwind`: the one place where a handler's panic is caught.
    ///
    /// `start` stores the future, at the first poll.
    #[inline]
    pub(crate) fn poll_with(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        start: impl FnOnce(Pin<&mut Self>),
    ) -> Result<Poll<T>, Panic> {
        catch_unwind(AssertUnwindSafe(|| {
            start(self.as_mut());
            self.as_mut().project().future.poll(cx)
        }))
        .map_err(Panic::new)
    }

    /// Drops the handler's future: it stops at the await where it is. What it holds may panic then.
    pub(crate) fn cancel(self: Pin<&mut Self>) -> Result<(), Panic> {
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

/// A reply that is there already.
struct Ready<T>(Option<T>);

// Nothing in it is ever pinned.
impl<T> Unpin for Ready<T> {}

impl<T> Future for Ready<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
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
