//! What a node in a cluster stores and handles.
//!
//! | part | what it does |
//! |---|---|
//! | [`engine`] | all of it together, and its tasks |
//! | [`writer`] | appends messages to the queues of the services that take them |
//! | [`intake`] | reads the partitions that this node owns, as one flow that is reopened at every doubt |
//! | [`shared`] | takes from the queue that all nodes of the service share |
//! | [`term`], [`partition`], [`handled`] | the right to a partition, and what is known of its entries |
//! | [`waiter`], [`first`], [`item`], [`run`], [`attempts`] | a message in its lane, from its first attempt to its end |
//! | [`acks`] | acknowledges behind the handlers, many at once |
//! | [`store`], [`entries`] | which queues a message goes to, and as what |
//! | [`refetch`], [`progress`], [`foreign`] | what is fetched again, how far handlers came, types that others know |
//! | [`release`], [`drain`] | what an owner tells the next, and the end of a node |
//! | [`suspects`], [`letters`], [`replay`] | messages that end nodes, messages that are not handled, and those handled after all |
//! | [`patience`] | questions to a broker that is away |
//! | [`door`] | what programs leave that know nothing of catga |

mod acks;
mod attempts;
mod door;
mod drain;
mod engine;
mod entries;
mod first;
mod foreign;
mod handled;
mod intake;
mod item;
mod letters;
mod partition;
mod patience;
mod progress;
mod refetch;
mod release;
mod replay;
mod run;
mod shared;
mod store;
mod suspects;
mod term;
mod waiter;
mod writer;

pub(crate) use drain::{Drained, LAST_WORD};
pub(crate) use engine::{Engine, Limits};
#[cfg(feature = "testing")]
pub(crate) use letters::is_of_unknown_type;
pub(crate) use store::{Appending, NotAppended};
pub(crate) use writer::How;
