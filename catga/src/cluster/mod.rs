//! Who is there, and who owns what.
//!
//! Every node keeps one record with a beat that rises, and judges the others by its own monotonic
//! clock: a node whose beat has not changed for `node_timeout` is dead. Each service has one
//! record of the owners of its partitions, changed by compare-and-set only. A node whose own beat
//! was not confirmed in time stops owning by its own clock before anyone else may take over.
//!
//! All of it is written once, over the contracts of [`transport`](crate::transport).

mod candidates;
mod clock;
mod door;
mod fallback;
mod handover;
mod heartbeat;
mod join;
mod judge;
mod lease;
mod leave;
mod lines;
mod member;
mod observed;
mod owners;
mod ownership;
mod pause;
mod registry;
mod reopen;
mod seen;
mod settings;
mod settled;
mod state;
mod store;
mod unsubscribe;
mod versions;
mod view;
mod watcher;

pub use join::JoinError;
pub use member::{Member, Members};
pub use unsubscribe::UnsubscribeError;

pub(crate) use handover::{Tenure, Tenures};
pub(crate) use join::{Joining, join};
pub(crate) use lines::{Lines, broadcast_subject};
pub(crate) use reopen::{Reopened, keep_open};
pub(crate) use settings::Settings;
pub(crate) use state::Cluster;
pub(crate) use view::Taker;
