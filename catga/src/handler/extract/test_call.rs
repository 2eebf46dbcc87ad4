use std::cell::OnceCell;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::{Call, Context, FromContext};
use crate::handler::{Facts, HandlerInfo, start};
use crate::message::{Headers, KeyText, MessageId, MessageInfo, key_text};
use crate::node::Core;
use crate::wiring::Origin;
use crate::{BoxError, Node};

/// A call made by hand: what a test gives to a handler or to a [`FromContext`] of its own.
///
/// Handlers are plain functions, so a test calls them: [`State`](crate::State),
/// [`Headers`](crate::Headers) and [`Deadline`](crate::Deadline) are made as they are, and a
/// [`Context`] comes from here. It belongs to a node, so its verbs do what they say: what the handler
/// publishes is handled by the handlers that this node selects, and stored for nobody if it selects
/// none.
///
/// The call is of no message and has no handler of its own: [`Call::handler`] and [`Call::message`],
/// and those of its [`Context`], name stand-ins. It is not cancelled when it is dropped; [`cancel`](Self::cancel) cancels it.
///
/// # Examples
///
/// A handler:
///
/// ```
/// use std::time::Duration;
/// use catga::handler::TestCall;
/// use catga::{BoxError, Context, Deadline, Headers, Node, State, command, event, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command(response = u32)]
/// #[derive(Serialize, Deserialize)]
/// struct Order { sku: String }
///
/// #[event]
/// #[derive(Serialize, Deserialize)]
/// struct Ordered { sku: String }
///
/// #[handler]
/// async fn order(
///     order: Order,
///     State(price): State<u32>,
///     headers: Headers,
///     deadline: Deadline,
///     cx: Context,
/// ) -> Result<u32, BoxError> {
///     if deadline.has_passed() || headers.get("tenant").is_none() {
///         return Err("too late, or from nobody".into());
///     }
///     cx.publish(Ordered { sku: order.sku }).await?;
///     Ok(price * cx.attempt().get())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let node = Node::builder("test").only(|_| false).start().await?;
/// let call = TestCall::on(&node).attempt(2);
/// let tenant = Headers::from_iter([("tenant", "acme")]);
/// let in_time = Deadline::after(Duration::from_secs(5));
/// let price = order(Order { sku: "tea".into() }, State(7), tenant, in_time, call.context()).await?;
/// assert_eq!(price, 14);
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
///
/// A parameter of your own:
///
/// ```
/// use catga::handler::TestCall;
/// use catga::{BoxError, Call, FromContext, Node};
///
/// #[derive(Debug)]
/// struct Tenant(String);
///
/// impl FromContext for Tenant {
///     fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
///         let name = call.headers().get("tenant").ok_or("the header `tenant` is missing")?;
///         Ok(Self(name.to_owned()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let node = Node::builder("test").only(|_| false).start().await?;
/// let call = TestCall::on(&node).header("tenant", "acme");
/// assert_eq!(call.extract::<Tenant>()?.0, "acme");
/// let error = TestCall::on(&node).extract::<Tenant>().unwrap_err();
/// assert_eq!(error.to_string(), "the header `tenant` is missing");
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a test call does nothing by itself: take its `context` or `extract` a parameter"]
pub struct TestCall {
    core: Arc<Core>,
    id: Option<MessageId>,
    key: Option<Arc<str>>,
    attempt: NonZeroU32,
    timeout: Duration,
    headers: Headers,
    /// Made when the call is first looked at.
    facts: OnceCell<Facts>,
}

impl TestCall {
    /// A call on this node: the first attempt for a new id, without a key or headers, with 30
    /// seconds.
    pub fn on(node: &Node) -> Self {
        Self {
            core: node.core(),
            id: None,
            key: None,
            attempt: NonZeroU32::MIN,
            timeout: MessageInfo::DEFAULT_TIMEOUT,
            headers: Headers::new(),
            facts: OnceCell::new(),
        }
    }

    /// The id of the message, in place of a new one.
    pub fn id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self
    }

    /// The key of the message.
    pub fn key<K: KeyText + ?Sized>(mut self, key: &K) -> Self {
        self.key = Some(key_text(key).into());
        self
    }

    /// Which attempt it is, counted from 1; 0 means 1.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = NonZeroU32::new(attempt).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// How long the call may take, from when it is first looked at.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Adds a header, in place of one with the same name.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The call as a [`FromContext`] sees it.
    #[must_use]
    pub fn call(&self) -> Call<'_> {
        Call::new(&self.core, &STAND_IN, self.facts())
    }

    /// A parameter as a handler would get it.
    ///
    /// # Errors
    ///
    /// Those of [`FromContext::from_context`].
    pub fn extract<T: FromContext>(&self) -> Result<T, BoxError> {
        T::from_context(&self.call())
    }

    /// The context of the call: the same one each time.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::of(&self.call())
    }

    /// Cancels the call, as when its caller drops it: its
    /// [`Cancellation`](super::Cancellation)s say so.
    pub fn cancel(mut self) {
        // Dropped without an end.
        self.facts = OnceCell::new();
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| {
            Facts::of(
                self.timeout,
                self.id,
                self.key.clone(),
                self.headers.clone(),
            )
            .with_attempt(self.attempt)
        })
    }
}

impl Drop for TestCall {
    fn drop(&mut self) {
        if let Some(facts) = self.facts.get() {
            facts.finish();
        }
    }
}

impl fmt::Debug for TestCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCall")
            .field("id", &self.id)
            .field("key", &self.key)
            .field("attempt", &self.attempt)
            .field("timeout", &self.timeout)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// The message of a test call, which has none.
#[crate::event(name = "catga.test-call")]
#[derive(serde::Serialize, serde::Deserialize)]
struct NoMessage;

static STAND_IN: HandlerInfo = HandlerInfo::new(
    "test_call",
    Origin::new(file!(), line!(), module_path!(), env!("CARGO_PKG_NAME")),
    start::<NoMessage>(|_, _, _, _| Ok(Poll::Pending)),
);
