use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::UsedCrate;
use crate::handler::HandlerInfo;
use crate::message::{Kind, MessageInfo};
use crate::routing::can_match;

/// Something in the wiring that stops a node from starting.
///
/// [`Display`](fmt::Display) says what it is, where, and what to do.
///
/// # Examples
///
/// ```
/// use catga::Node;
/// use catga::wiring::Problem;
///
/// let builder = Node::builder("orders").only(|_| false).state(1_u8).state(2_u8);
/// let problem = builder.check().unwrap_err().into_iter().next().unwrap();
/// assert!(matches!(problem, Problem::TwoStates { type_name: "u8", .. }));
/// assert!(problem.to_string().contains("second state"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Problem {
    /// A command or query has more than one handler.
    #[non_exhaustive]
    TwoHandlers {
        /// The handler that comes first in the source.
        first: &'static HandlerInfo,
        /// The other one.
        second: &'static HandlerInfo,
    },
    /// Two handlers of one event have the same path: two functions of one name, in the bodies of
    /// others. Their child messages would have the same ids, and one of two would be dropped.
    #[non_exhaustive]
    SameHandler {
        /// The handler that comes first in the source.
        first: &'static HandlerInfo,
        /// The other one.
        second: &'static HandlerInfo,
    },
    /// Two message types have the same wire name.
    #[non_exhaustive]
    SameName {
        /// The type that comes first in the source.
        first: &'static MessageInfo,
        /// The other one.
        second: &'static MessageInfo,
    },
    /// A handler asks for a state that the node was not given.
    #[non_exhaustive]
    MissingState {
        /// The type of the state.
        type_name: &'static str,
        /// The handler.
        handler: &'static HandlerInfo,
    },
    /// The node was given two states of one type.
    #[non_exhaustive]
    TwoStates {
        /// The type of the state.
        type_name: &'static str,
        /// The second `Builder::state`.
        at: &'static Location<'static>,
    },
    /// The options of a handler contradict its message.
    #[non_exhaustive]
    Contradiction {
        /// The handler.
        handler: &'static HandlerInfo,
        /// What contradicts what, and what to do.
        text: &'static str,
    },
    /// A crate that `use_crates!` lists has no handlers.
    NoHandlers(&'static UsedCrate),
    /// [`check!`](crate::check) or [`check`](super::check) was asked about no handler at all.
    #[non_exhaustive]
    NothingToCheck {
        /// How many handlers the program has.
        registered: usize,
    },
    /// A service or a node has a name that brokers cannot carry.
    #[non_exhaustive]
    InvalidName {
        /// What has the name: `service` or `node`.
        of: &'static str,
        /// The name.
        name: String,
    },
    /// A node would be taken for dead between two of its heartbeats.
    #[non_exhaustive]
    Heartbeat {
        /// How often it beats.
        heartbeat: Duration,
        /// How long it is taken to be alive without.
        node_timeout: Duration,
    },
    /// The broker of the URL is not one that this build can use.
    #[non_exhaustive]
    Broker {
        /// The URL, without its user and password.
        url: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoHandlers { first, second } => write!(
                f,
                "{}: `{}` is a second handler of the {} `{}`, which `{}` ({}) handles; remove one, or select with `Builder::only`",
                second.origin(),
                second.name(),
                second.message().kind(),
                second.message().name(),
                first.name(),
                first.origin(),
            ),
            Self::SameHandler { first, second } => write!(
                f,
                "{}: a second handler of the {} `{}` has the path `{}::{}` ({}); give one of the two functions another name: the ids of what they send follow from it",
                second.origin(),
                second.message().kind(),
                second.message().name(),
                first.module(),
                first.name(),
                first.origin(),
            ),
            Self::SameName { first, second } => write!(
                f,
                "{}: `{}` has the wire name `{}` of `{}` ({}); give one of them another: `#[{}(name = \"…\")]`",
                second.origin(),
                second.type_name(),
                second.name(),
                first.type_name(),
                first.origin(),
                second.kind(),
            ),
            Self::MissingState { type_name, handler } => write!(
                f,
                "{}: the handler `{}` takes `State<{type_name}>`, which the node does not have; add `.state(..)` to the builder",
                handler.origin(),
                handler.name(),
            ),
            Self::TwoStates { type_name, at } => write!(
                f,
                "{}:{}: the node was given a second state of type `{type_name}`; wrap one of them in a type of its own",
                at.file(),
                at.line(),
            ),
            Self::Contradiction { handler, text } => write!(
                f,
                "{}: the handler `{}` of the {} `{}` {text}",
                handler.origin(),
                handler.name(),
                handler.message().kind(),
                handler.message().name(),
            ),
            Self::NoHandlers(used) => write!(
                f,
                "{}: the crate `{}` is listed in `use_crates!` but has no `#[handler]`; remove it from the list",
                used.origin(),
                used.alias(),
            ),
            Self::NothingToCheck { registered: 0 } => f.write_str(
                "there is no handler to check: the program has no `#[handler]`; list the crates that have them in `catga::use_crates!`",
            ),
            Self::NothingToCheck { registered } => write!(
                f,
                "there is no handler to check: the filter selects none of the {registered} that the program has",
            ),
            Self::InvalidName { of, name } => write!(
                f,
                "`{name}` cannot name a {of}: use letters `a` to `z`, digits and `-`"
            ),
            Self::Heartbeat {
                heartbeat,
                node_timeout,
            } => write!(
                f,
                "a heartbeat every {heartbeat:?} is too rare for a node timeout of {node_timeout:?}: it may be a third of it at most, and not zero"
            ),
            Self::Broker { url } => write!(
                f,
                "`{url}` is not a broker that this build can use: {}",
                remedy(url)
            ),
        }
    }
}

/// What to do about a URL that cannot be used.
fn remedy(url: &str) -> &'static str {
    match url.split("://").next().unwrap_or_default() {
        "nats" | "tls" => "turn on catga's feature `nats`",
        "redis" | "rediss" | "valkey" | "valkeys" => "turn on catga's feature `redis`",
        _ => "URLs begin with `memory://`, `nats://` or `redis://`",
    }
}

/// Everything that is wrong, at least one [`Problem`].
///
/// [`Display`](fmt::Display) lists all of them, one a line.
///
/// # Examples
///
/// ```
/// use catga::Node;
///
/// let builder = Node::builder("Not a name").id("nor this").only(|_| false);
/// let problems = builder.check().unwrap_err();
/// assert_eq!(problems.len(), 2);
/// for problem in &problems {
///     assert!(problem.to_string().contains("use letters"));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Ok` if there are none.
    pub(crate) fn none_of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self(problems))
        }
    }

    /// How many there are: at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [problem] => problem.fmt(f),
            problems => {
                write!(f, "{} problems with the wiring:", problems.len())?;
                problems
                    .iter()
                    .try_for_each(|problem| write!(f, "\n- {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}

/// What the options of a handler say against its message.
pub(super) fn contradictions(handler: &'static HandlerInfo) -> impl Iterator<Item = Problem> {
    let message = handler.message();
    let event = message.kind() == Kind::Event;
    let never = |pattern| match message.route().topic() {
        Some(topic) => !can_match(pattern, topic),
        None => false,
    };
    let texts = [
        (
            event && handler.topic().is_some() && message.route().topic().is_none(),
            "takes a topic, but the event has none; add `#[route(topic = \"…\")]` to the event or remove the option",
        ),
        (
            handler.topic().is_some_and(never),
            "takes a topic that no event of the type can have; compare it with the event's `#[route(topic = \"…\")]`",
        ),
        (
            handler.is_broadcast() && !event,
            "is marked `broadcast`, which only events can be; remove the option",
        ),
        (
            handler.is_serial() && !message.route().is_keyed(),
            "is marked `serial`, but the message has no key; add `#[route(key = \"…\")]` to the message or remove the option",
        ),
        (
            handler.is_serial() && event,
            "is marked `serial`, which says how `send` takes turns; events always do, so remove the option",
        ),
        (
            handler.retry().is_some() && message.kind() == Kind::Query,
            "has a retry policy, but a query is never delivered durably; remove the option",
        ),
    ];
    texts
        .into_iter()
        .filter(|(wrong, _)| *wrong)
        .map(move |(_, text)| Problem::Contradiction { handler, text })
}
