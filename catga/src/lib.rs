//! Distributed message handling, wired at compile time.

// The macros write `::catga::…`; inside this crate that name is the crate itself.
#[allow(unused_extern_crates, reason = "used by the macros")]
extern crate self as catga;

pub mod delivery;
pub mod handler;
pub mod message;
pub mod node;
pub mod routing;
pub mod wiring;

mod telemetry;

pub use catga_macros::{Fault, command, event, handler, key, query, route, use_crates};

pub use delivery::Fault;
pub use handler::{Call, Context, Deadline, FromContext, HandlerInfo, Requirements, State};
pub use message::{Command, Event, Headers, Message, MessageId, Query, Request};
pub use node::{Node, Options, SendError};

/// Any error, as handlers without a declared one return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the macros write into your crate refers to; not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use inventory::submit;

    pub use crate::delivery::fault::Classifier;
    pub use crate::delivery::retry::Policy;
    pub use crate::handler::{IntoReply, Parameter, Run, Start};
    pub use crate::message::{Codec, DeclaresError, Route};
    pub use crate::wiring::{Origin, UsedCrate};
}
