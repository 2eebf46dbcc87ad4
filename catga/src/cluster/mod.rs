//! Who is there, and who owns what.
//!
//! Every node keeps one record with a beat that rises, and judges the others by its own monotonic
//! clock: a node whose beat has not changed for `node_timeout` is dead. Each service has one
//! record of the owners of its partitions, changed by compare-and-set only. A node whose own beat
//! was not confirmed in time stops owning by its own clock before anyone else may take over.
//!
//! All of it is written once, over the contracts of [`transport`](crate::transport).

// | part | what it does |
// |---|---|
// | `state`, `settings` | what a node knows of its cluster, and how it was told to live in it |
// | `join`, `leave` | the first and the last it says of itself |
// | `member`, `heartbeat` | its record, and that it is written again and again |
// | `watcher`, `seen`, `observed` | the records of the others, and since when each is as it is |
// | `judge`, `lease`, `clock` | who is dead, and for how long this node may act |
// | `candidates`, `owners`, `ownership` | who may own, who owns what, and the rounds that change it |
// | `handover` | the partitions of this node, as the engine is told of them |
// | `registry`, `settled`, `unsubscribe` | which service takes what, whether everybody knows, and how it ends |
// | `view` | what routing is told of all this |
// | `store`, `versions`, `fallback` | records read and written within a time, and a store that fell back |
// | `lines`, `reopen` | what a node hears the others on, and what is opened again after it broke |
// | `pause`, `door` | a service that handles nothing for now, and who reads the front door |

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
