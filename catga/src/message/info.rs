use std::fmt;
use std::time::Duration;

use super::{Event, Kind, Message, Request};
use crate::delivery::Operations;
use crate::routing::StrategyKind;
use crate::wiring::{Origin, Slot};

/// What is known about a message type.
///
/// There is one for each `#[command]`, `#[query]` and `#[event]` of the program, reached through
/// [`Message::info`] or [`HandlerInfo::message`](crate::HandlerInfo::message).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::{Message, command, message::Kind};
/// use serde::{Deserialize, Serialize};
///
/// #[command(timeout = "5s", idempotent)]
/// #[route(key = "order_id")]
/// #[derive(Serialize, Deserialize)]
/// struct CancelOrder {
///     order_id: u64,
/// }
///
/// let info = CancelOrder::info();
/// assert_eq!(info.name(), "CancelOrder");
/// assert_eq!(info.kind(), Kind::Command);
/// assert_eq!(info.timeout(), Duration::from_secs(5));
/// assert_eq!(info.route().key(), ["order_id"]);
/// assert!(info.is_idempotent());
/// ```
pub struct MessageInfo {
    name: &'static str,
    kind: Kind,
    version: u32,
    timeout: Duration,
    idempotent: bool,
    route: Route,
    origin: Origin,
    type_name: fn() -> &'static str,
    slot: Slot,
    pub(crate) operations: Operations,
}

impl MessageInfo {
    /// How long a call may take where neither the type nor the caller says.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    #[doc(hidden)]
    #[must_use]
    pub const fn request<M: Request>(name: &'static str, kind: Kind, origin: Origin) -> Self {
        Self::new::<M>(name, kind, origin)
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn event<M: Event>(name: &'static str, origin: Origin) -> Self {
        Self::new::<M>(name, Kind::Event, origin)
    }

    const fn new<M: Message>(name: &'static str, kind: Kind, origin: Origin) -> Self {
        Self {
            name,
            kind,
            version: 1,
            timeout: Self::DEFAULT_TIMEOUT,
            idempotent: matches!(kind, Kind::Query),
            route: Route::new(),
            origin,
            type_name: std::any::type_name::<M>,
            slot: Slot::new(),
            operations: Operations::of::<M>(),
        }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The macro checks the text and passes milliseconds.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_timeout_ms(mut self, timeout: u64) -> Self {
        self.timeout = Duration::from_millis(timeout);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// The name on the wire: `name = "…"`, or the type's own name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Command, query or event.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The version of the payload's shape: `version = …`, 1 by default.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// How long a call may take, or one attempt of a stored message: `timeout = "…"`, 30 seconds by
    /// default.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether it may run twice: queries, and commands marked `idempotent`.
    #[must_use]
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// What `#[route]` says.
    #[must_use]
    pub const fn route(&self) -> &Route {
        &self.route
    }

    /// Where the type is declared.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The full path of the Rust type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }

    pub(crate) const fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl fmt::Debug for MessageInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageInfo")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("version", &self.version)
            .field("timeout", &self.timeout)
            .field("idempotent", &self.idempotent)
            .field("route", &self.route)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// How a message type is routed, as its `#[route]` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    key: &'static [&'static str],
    strategy: Option<StrategyKind>,
    topic: Option<&'static str>,
}

impl Route {
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::new_without_default, reason = "for the macros")]
    pub const fn new() -> Self {
        Self {
            key: &[],
            strategy: None,
            topic: None,
        }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_key(mut self, paths: &'static [&'static str]) -> Self {
        self.key = paths;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_strategy(mut self, strategy: StrategyKind) -> Self {
        self.strategy = Some(strategy);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_topic(mut self, topic: &'static str) -> Self {
        self.topic = Some(topic);
        self
    }

    /// The paths of the key's parts, such as `["tenant", "customer.id"]`; empty without a key.
    #[must_use]
    pub const fn key(&self) -> &'static [&'static str] {
        self.key
    }

    /// Whether messages of the type have a key, and with it a place and an order.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        !self.key.is_empty()
    }

    /// The strategy: the one that was named, else what the rest of the route implies.
    #[must_use]
    pub fn strategy(&self) -> StrategyKind {
        self.strategy.unwrap_or(if self.topic.is_some() {
            StrategyKind::Topic
        } else if self.is_keyed() {
            StrategyKind::ConsistentHash
        } else {
            StrategyKind::LocalFirst
        })
    }

    /// The topic's pattern, such as `orders.{region}.placed`.
    #[must_use]
    pub const fn topic(&self) -> Option<&'static str> {
        self.topic
    }
}
