//! Distributed message handling, wired at compile time.
//!
//! Annotate structs as commands, queries and events, and functions as their handlers. The macros
//! write the registration, the typed dispatch and the routing key; [`Node`] runs the whole.
//!
//! ```
//! use catga::{Node, command, handler};
//! use serde::{Deserialize, Serialize};
//!
//! #[command(response = u32)]
//! #[derive(Serialize, Deserialize)]
//! struct Double {
//!     number: u32,
//! }
//!
//! #[handler]
//! async fn double(command: Double) -> u32 {
//!     command.number * 2
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let here = module_path!();
//! let node = Node::builder("arithmetic")
//! #   .only(move |handler| handler.module() == here)
//!     .start()
//!     .await?;
//! assert_eq!(node.send(Double { number: 21 }).await?, 42);
//! node.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Messages and handlers
//!
//! [`#[command]`](macro@command) asks one handler to do something, [`#[query]`](macro@query) asks
//! one for something, [`#[event]`](macro@event) tells any number of handlers what happened.
//! [`#[route]`](macro@route) gives a message its key: messages with the same key are handled at
//! the same place, and stored ones in the order in which they were stored.
//!
//! [`#[handler]`](macro@handler) registers a free function. Its first parameter is the message, by
//! value; the others are what a call provides: [`State`], [`Context`], [`Deadline`], [`Headers`],
//! or a type of your own that implements [`FromContext`]. It returns the response, or a `Result`
//! with the message's declared error, or with any error where none is declared.
//!
//! Handlers register themselves before `main` runs. [`Builder::only`](node::Builder::only)
//! selects the ones that a node runs, and [`use_crates!`] keeps the linker from dropping a crate
//! that is there only for its handlers. What is wrong with the wiring is reported all at once
//! when a node starts, and by [`check!`] in a test.
//!
//! # Verbs
//!
//! | verb | returns when it is | guarantee |
//! |---|---|---|
//! | [`send`](Node::send) | handled, with the response | executed at most once |
//! | [`enqueue`](Node::enqueue) | stored | a command is handled at least once, in order per key |
//! | [`publish`](Node::publish) | stored | an event is handled at least once per service, in order per key |
//! | [`broadcast`](Node::broadcast) | handed over | an event reaches the `#[handler(broadcast)]`s of each live node at most once |
//!
//! Each has a batch form: `send_all`, `enqueue_all`, `publish_all`, `broadcast_all`.
//! [`Node::with`] sets [`Options`] for one call. Handlers use the same verbs on their [`Context`].
//!
//! Without a broker what is stored is in the memory of the process: it outlives its caller and every
//! failure of a handler, but not the process. With one it is in the broker's queues, as safe as
//! [`guarantees`](Node::guarantees) says.
//!
//! # Several nodes
//!
//! [`Builder::broker`](node::Builder::broker) makes a node one of a cluster: with the URL of NATS or
//! Redis, or with `memory://NAME` for the nodes of one process. [`send`](Node::send) then goes to the
//! node that the message's strategy picks, [`send_to`](Node::send_to) to one that you name,
//! [`broadcast`](Node::broadcast) to all of them. What is stored is handled by the service that takes
//! it, each key by the one node that owns it; when that node leaves or dies, by the next.
//! [`members`](Node::members) says who is there, [`partitions`](Node::partitions) what this node owns.
//!
//! # Failures
//!
//! [`SendError`] says whether anything ran. A declared error arrives as its own type. A failed
//! delivery is repeated with backoff, as the handler's [retry policy](delivery::retry::Policy) and
//! the [`Fault`](enum@Fault) of its error say; only messages with the same key wait for it. After its last
//! attempt it is a [dead letter](Node::dead_letters), which can be [replayed](Node::replay).
//! A handler's panic is caught and is a failure like any other, unless the program is built with
//! `panic = "abort"`; the node says so when it starts.
//!
//! # Guides
//!
//! [Stored messages](guide::delivery): order, attempts, what may come twice.
//! [Clusters](guide::cluster): services, nodes, who owns what, where calls go.
//! [Brokers](guide::brokers): NATS, Redis, and programs that know nothing of catga.
//! [Operating](guide::operating): dead letters, pauses, tracing, timeouts.
//! [Shutting down](guide::shutdown) on Ctrl-C and SIGTERM.
//! [Testing](guide::testing) handlers, parameters, the wiring and clusters.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `json` (on by default) | payloads as JSON, the default content type |
//! | `msgpack` | payloads as `MessagePack`: [`Builder::content_type`](node::Builder::content_type) |
//! | `nats` | NATS with `JetStream`, 2.11 or later, as the broker: `nats://…` |
//! | `redis` | Redis 7.0 or later, or Valkey, as the broker: `redis://…` |
//! | `tls` | encrypted connections to either: `tls://…`, `rediss://…` |
//! | `testing` | simulated clusters and checks of what happened in them: `catga::testing` |
//!
//! Without `nats` and `redis` no broker client is compiled, and what has several nodes is in the memory of
//! one process.
//!
//! # Speed
//!
//! A local [`send`](Node::send) allocates nothing and adds about ten nanoseconds to the direct
//! call: a slot per message type is resolved once, the handler's future is stored in place, and
//! the deadline is armed only when the handler waits. Nothing is paid for tracing without a
//! subscriber, nor for [layers](node::Builder::layer) without one.

#![cfg_attr(docsrs, feature(doc_cfg))]

// The macros write `::catga::…`; inside this crate that name is the crate itself.
#[allow(unused_extern_crates, reason = "used by the macros")]
extern crate self as catga;

pub mod cluster;
pub mod delivery;
pub mod guide;
pub mod handler;
pub mod message;
pub mod node;
pub mod routing;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;
pub mod wiring;

mod sparse;
mod telemetry;

pub use catga_macros::{Fault, command, event, handler, key, query, route, use_crates};

pub use delivery::Fault;
pub use handler::{Call, Context, Deadline, FromContext, HandlerInfo, Requirements, State};
pub use message::{Command, Event, Headers, Message, MessageId, Query, Request};
pub use node::{Node, Options, SendError, ShutdownError, StartError, StoreError};

/// Any error, as handlers without a declared one return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the macros write into your crate refers to; not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use inventory::submit;

    pub use crate::delivery::fault::Classifier;
    pub use crate::delivery::retry::Overrides;
    pub use crate::handler::{Parameter, Returned, Run, reply, start};
    pub use crate::message::{Codec, Declared, Route, Undeclared};
    pub use crate::wiring::{Origin, UsedCrate};

    /// The attributes that the message macros take off their items.
    pub mod marks {
        pub use catga_macros::{command, event, key, query, route};
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
