//! What runs: handlers, their parameters and what they return.
//!
//! [`#[handler]`](macro@crate::handler) registers a free function before `main` runs. The first
//! parameter is the message, by value; each other one is anything that implements
//! [`FromContext`]. The function stays what it is: a unit test calls it, with a [`TestCall`] for what
//! only a call can give.

mod call;
mod execution;
mod extract;
mod info;
mod inline;
mod reply;
mod run;
mod start;

pub use call::Call;
pub use extract::{
    Cancellation, Context, Deadline, FromContext, MissingState, Parameter, Requirements, State,
    TestCall,
};
pub use info::HandlerInfo;
pub use reply::{FaultOf, IntoReply, Returned, reply};
pub use run::{Reply, Run};
pub use start::{Start, StartFn, start};

pub(crate) use call::{Facts, Key};
pub(crate) use execution::{Execution, Input, Other, Pick, execute};
pub(crate) use extract::Parent;
pub(crate) use run::Panic;
pub(crate) use start::AnyStart;
