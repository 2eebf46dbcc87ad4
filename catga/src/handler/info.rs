use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::extract::Requirements;
use super::start::{AnyStart, Start};
use crate::delivery::retry;
use crate::message::{Message, MessageInfo};
use crate::wiring::Origin;

inventory::collect!(HandlerInfo);

/// What is known about a handler: one for each `#[handler]` of the program.
///
/// [`Builder::only`](crate::node::Builder::only) selects by it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use catga::{HandlerInfo, Node};
///
/// let node = Node::builder("billing")
///     .only(|handler: &HandlerInfo| handler.module().starts_with("shop::billing"))
///     .start()
///     .await?;
/// assert!(node.wiring().messages().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct HandlerInfo {
    name: &'static str,
    origin: Origin,
    message: fn() -> &'static MessageInfo,
    start: AnyStart,
    requires: fn(&mut Requirements),
    concurrency: Option<NonZeroUsize>,
    retry: Option<retry::Overrides>,
    broadcast: bool,
    topic: Option<&'static str>,
    serial: bool,
    dedup: Option<Duration>,
}

impl HandlerInfo {
    #[doc(hidden)]
    #[must_use]
    pub const fn new<M: Message>(name: &'static str, origin: Origin, start: Start<M>) -> Self {
        Self {
            name,
            origin,
            message: M::info,
            start: start.any(),
            requires: |_| {},
            concurrency: None,
            retry: None,
            broadcast: false,
            topic: None,
            serial: false,
            dedup: None,
        }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_requirements(mut self, requires: fn(&mut Requirements)) -> Self {
        self.requires = requires;
        self
    }

    /// The macro refuses 0.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = NonZeroUsize::new(concurrency);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_retry(mut self, retry: retry::Overrides) -> Self {
        self.retry = Some(retry);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_broadcast(mut self) -> Self {
        self.broadcast = true;
        self
    }

    /// The macro refuses what is not a pattern.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_topic(mut self, pattern: &'static str) -> Self {
        self.topic = Some(pattern);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_dedup_ms(mut self, window: u64) -> Self {
        self.dedup = Some(Duration::from_millis(window));
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_serial(mut self) -> Self {
        self.serial = true;
        self
    }

    /// The function's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its name with its module, which other nodes know, too.
    pub(crate) fn path(&self) -> String {
        format!("{}::{}", self.module(), self.name)
    }

    /// The module that holds the function, such as `shop::billing`.
    #[must_use]
    pub const fn module(&self) -> &'static str {
        self.origin.module()
    }

    /// The crate that holds the function.
    #[must_use]
    pub fn crate_name(&self) -> &'static str {
        self.origin.crate_name()
    }

    /// Where the function is declared.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The message it handles.
    #[must_use]
    pub fn message(&self) -> &'static MessageInfo {
        (self.message)()
    }

    /// How many executions may run at once on a node: `#[handler(concurrency = …)]`.
    #[must_use]
    pub const fn concurrency(&self) -> Option<NonZeroUsize> {
        self.concurrency
    }

    /// How failed deliveries are repeated, where that is not as the node's policy says:
    /// `#[handler(retry(…))]`.
    #[must_use]
    pub const fn retry(&self) -> Option<&retry::Overrides> {
        self.retry.as_ref()
    }

    /// Whether it takes [`broadcast`](crate::Node::broadcast) events: `#[handler(broadcast)]`.
    #[must_use]
    pub const fn is_broadcast(&self) -> bool {
        self.broadcast
    }

    /// The topics whose events it takes: `#[handler(broadcast, topic = "…")]`, a
    /// [`TopicPattern`](crate::routing::TopicPattern). All of its event where that says nothing.
    #[must_use]
    pub const fn topic(&self) -> Option<&'static str> {
        self.topic
    }

    /// Whether [`send`](crate::Node::send) takes the key's lane: `#[handler(serial)]`.
    #[must_use]
    pub const fn is_serial(&self) -> bool {
        self.serial
    }

    /// For how long it is remembered for which message ids it succeeded; `None` if it is not.
    #[must_use]
    pub const fn dedup(&self) -> Option<Duration> {
        self.dedup
    }

    /// What its parameters ask of the node.
    pub(crate) fn requirements(&self) -> Requirements {
        let mut requirements = Requirements::default();
        (self.requires)(&mut requirements);
        requirements
    }

    pub(crate) const fn start(&self) -> AnyStart {
        self.start
    }
}

impl fmt::Debug for HandlerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerInfo")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .field("message", &self.message().name())
            .field("concurrency", &self.concurrency)
            .field("retry", &self.retry)
            .field("broadcast", &self.broadcast)
            .field("topic", &self.topic)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}
