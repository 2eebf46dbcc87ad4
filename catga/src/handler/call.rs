use std::cell::OnceCell;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::HandlerInfo;
use super::extract::{CancelSource, Context, Deadline};
use crate::delivery::{Envelope, HeldKeys};
use crate::message::{Headers, Message, MessageId, MessageInfo, text_of};
use crate::node::{Core, NodeId, after};

/// One execution of a handler, as a [`FromContext`](super::FromContext) sees it.
///
/// Borrowed while the handler's parameters are read, before its body runs. A test makes one with a
/// [`TestCall`](super::TestCall).
///
/// # Examples
///
/// ```
/// use catga::{BoxError, Call, FromContext, Node, Requirements, handler, query};
/// use serde::{Deserialize, Serialize};
///
/// /// How much one tenant may ask for.
/// struct Budget(u32);
///
/// impl FromContext for Budget {
///     fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
///         assert_eq!(call.handler().name(), "how_much");
///         assert_eq!(call.message().name(), "HowMuch");
///         assert!(call.node().as_str().starts_with("budgets-"));
///         let tenant = call.headers().get("tenant").or(call.key()).ok_or("no tenant")?;
///         let of_each = call.state::<u32>().ok_or("no budget")?;
///         Ok(Self(if tenant == "acme" { 2 * of_each } else { *of_each }))
///     }
///
///     fn requires(requirements: &mut Requirements) {
///         requirements.state::<u32>();
///     }
/// }
///
/// #[query(response = u32)]
/// #[route(key = "tenant")]
/// #[derive(Serialize, Deserialize)]
/// struct HowMuch { tenant: String }
///
/// #[handler]
/// async fn how_much(_: HowMuch, budget: Budget) -> u32 {
///     budget.0
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("budgets")
///     .state(5_u32)
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// assert_eq!(node.send(HowMuch { tenant: "acme".into() }).await?, 10);
/// assert_eq!(node.send(HowMuch { tenant: "umbrella".into() }).await?, 5);
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub struct Call<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) handler: &'static HandlerInfo,
    pub(crate) facts: &'a Facts,
    key: Option<&'a dyn Key>,
}

impl<'a> Call<'a> {
    pub(crate) const fn new(
        core: &'a Arc<Core>,
        handler: &'static HandlerInfo,
        facts: &'a Facts,
    ) -> Self {
        Self {
            core,
            handler,
            facts,
            key: None,
        }
    }

    /// The same call, which can tell the key of its message.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn of<'b, M: Message>(&'b self, message: &'b M) -> Call<'b> {
        Call {
            core: self.core,
            handler: self.handler,
            facts: self.facts,
            key: Some(message),
        }
    }

    /// The handler that is about to run.
    #[must_use]
    pub const fn handler(&self) -> &'static HandlerInfo {
        self.handler
    }

    /// The type of the message.
    #[must_use]
    pub fn message(&self) -> &'static MessageInfo {
        self.handler.message()
    }

    /// The node it is on.
    #[must_use]
    pub fn node(&self) -> &'a NodeId {
        &self.core.id
    }

    /// The id of the message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.facts.id()
    }

    /// The routing key in canonical form; `None` for unkeyed messages.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.shared_key().map(|key| &**key)
    }

    pub(crate) fn shared_key(&self) -> Option<&Arc<str>> {
        self.facts.key_or(|| self.key.and_then(Key::text))
    }

    /// Which attempt this is, counted from 1.
    #[must_use]
    pub const fn attempt(&self) -> NonZeroU32 {
        self.facts.attempt
    }

    /// When the caller stops waiting, or the attempt ends.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::at(self.facts.deadline())
    }

    /// The headers of the message.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        self.facts.headers()
    }

    /// The node's state of type `T`, as [`Builder::state`](crate::node::Builder::state) was given it.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.core.states.get()
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("handler", &self.handler)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// What is known of a call. Most handlers never ask, so all but the deadline is made, or taken
/// from the caller's options, in one box behind a pointer. What is known of a stored message is read
/// where it is stored.
#[derive(Debug)]
pub(crate) struct Facts {
    timeout: Duration,
    pub(crate) attempt: NonZeroU32,
    /// Whether the stored message is in the lane of its key; broadcasts are in none.
    in_lane: bool,
    deadline: OnceCell<Instant>,
    /// The stored message that is handled, if it is one.
    stored: Option<Arc<Envelope>>,
    asked: OnceCell<Box<Asked>>,
}

#[derive(Debug, Default)]
struct Asked {
    id: OnceCell<MessageId>,
    key: OnceCell<Option<Arc<str>>>,
    headers: Headers,
    held: Option<Arc<HeldKeys>>,
    cancellation: OnceCell<CancelSource>,
    context: OnceCell<Context>,
}

static NO_HEADERS: Headers = Headers::new();

impl Facts {
    #[inline]
    pub(crate) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            attempt: NonZeroU32::MIN,
            in_lane: false,
            deadline: OnceCell::new(),
            stored: None,
            asked: OnceCell::new(),
        }
    }

    /// The facts of an attempt to handle a stored message.
    #[inline]
    pub(crate) fn stored(envelope: Arc<Envelope>, attempt: NonZeroU32) -> Self {
        Self {
            attempt,
            in_lane: envelope.key.is_some(),
            ..Self::new(envelope.info.timeout())
        }
        .of_stored(envelope)
    }

    /// The same of a broadcast, which is in no lane.
    pub(crate) fn broadcast(envelope: Arc<Envelope>) -> Self {
        Self {
            in_lane: false,
            ..Self::stored(envelope, NonZeroU32::MIN)
        }
    }

    #[inline]
    fn of_stored(mut self, envelope: Arc<Envelope>) -> Self {
        self.stored = Some(envelope);
        self
    }

    /// The same stored message for another handler: whatever was known of the last execution is
    /// forgotten.
    #[inline]
    pub(crate) fn again(&mut self) {
        self.deadline = OnceCell::new();
        self.asked = OnceCell::new();
    }

    #[inline]
    pub(crate) const fn envelope(&self) -> Option<&Arc<Envelope>> {
        self.stored.as_ref()
    }

    #[inline]
    pub(crate) fn into_envelope(self) -> Option<Arc<Envelope>> {
        self.stored
    }

    /// Takes the facts out; what stays behind knows the same message, and nothing of this
    /// execution.
    pub(crate) fn take(&mut self) -> Self {
        let left = Self {
            attempt: self.attempt,
            in_lane: self.in_lane,
            stored: self.stored.clone(),
            ..Self::new(self.timeout)
        };
        std::mem::replace(self, left)
    }

    /// Facts with an id, a key or headers of their own.
    pub(crate) fn of(
        timeout: Duration,
        id: Option<MessageId>,
        key: Option<Arc<str>>,
        headers: Headers,
    ) -> Self {
        let asked = Asked {
            id: id.map_or_else(OnceCell::new, OnceCell::from),
            key: key.map_or_else(OnceCell::new, |key| OnceCell::from(Some(key))),
            headers,
            held: None,
            cancellation: OnceCell::new(),
            context: OnceCell::new(),
        };
        Self {
            asked: OnceCell::from(Box::new(asked)),
            ..Self::new(timeout)
        }
    }

    pub(crate) fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = OnceCell::from(deadline);
        self
    }

    pub(crate) const fn with_attempt(mut self, attempt: NonZeroU32) -> Self {
        self.attempt = attempt;
        self
    }

    /// The lanes that the call is in.
    pub(crate) fn with_held(mut self, held: Option<Arc<HeldKeys>>) -> Self {
        if held.is_some() {
            self.asked();
            if let Some(asked) = self.asked.get_mut() {
                asked.held = held;
            }
        }
        self
    }

    /// The lanes that this execution is in, itself or through its callers.
    pub(crate) fn held(&self) -> Option<Arc<HeldKeys>> {
        match &self.stored {
            Some(stored) if self.in_lane => {
                let key = stored.key.clone()?;
                Some(HeldKeys::new(key, None))
            }
            _ => self.asked.get()?.held.clone(),
        }
    }

    fn asked(&self) -> &Asked {
        self.asked.get_or_init(Box::default)
    }

    /// How long the call may take.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Counted from the first question, which is the start of the call.
    pub(crate) fn deadline(&self) -> Instant {
        *self.deadline.get_or_init(|| after(self.timeout))
    }

    pub(crate) fn id(&self) -> MessageId {
        if let Some(stored) = &self.stored {
            return stored.id;
        }
        *self.asked().id.get_or_init(MessageId::new)
    }

    /// The id, if the caller gave one or somebody asked for one.
    pub(crate) fn known_id(&self) -> Option<MessageId> {
        if let Some(stored) = &self.stored {
            return Some(stored.id);
        }
        self.asked.get()?.id.get().copied()
    }

    /// The key; `make` makes it where it is not known yet.
    pub(crate) fn key_or(&self, make: impl FnOnce() -> Option<Arc<str>>) -> Option<&Arc<str>> {
        if let Some(stored) = &self.stored {
            return stored.key.as_ref();
        }
        self.asked().key.get_or_init(make).as_ref()
    }

    pub(crate) fn headers(&self) -> &Headers {
        if let Some(stored) = &self.stored {
            return &stored.headers;
        }
        self.asked.get().map_or(&NO_HEADERS, |asked| &asked.headers)
    }

    pub(crate) fn cancellation(&self) -> &CancelSource {
        self.asked().cancellation.get_or_init(CancelSource::new)
    }

    /// The one context of the call, however often it is asked for.
    pub(crate) fn context_or(&self, make: impl FnOnce() -> Context) -> &Context {
        self.asked().context.get_or_init(make)
    }

    /// See [`Context::fence`].
    pub(crate) fn fence(&self, core: &Core, key: Option<&Arc<str>>) -> u64 {
        let stored = self.stored.as_ref().and_then(|stored| stored.fence);
        let owned = || {
            let cluster = core.cluster.as_ref()?;
            cluster.epoch_of(crate::routing::Key::from_text(key?).fnv1a32())
        };
        stored.or_else(owned).unwrap_or(core.epoch)
    }

    /// Tells the tasks of the handler that it came to its end.
    #[inline]
    pub(crate) fn finish(&self) {
        if let Some(source) = self.asked.get().and_then(|asked| asked.cancellation.get()) {
            source.finish();
        }
    }
}

/// A message whose key can be asked for.
pub(crate) trait Key {
    fn text(&self) -> Option<Arc<str>>;
}

impl<M: Message> Key for M {
    fn text(&self) -> Option<Arc<str>> {
        M::info()
            .route()
            .is_keyed()
            .then(|| text_of(|writer| self.write_key(writer)).into())
    }
}
