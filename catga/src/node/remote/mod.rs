//! Calls between nodes: one frame there, one frame back.
//!
//! The receiver executes or refuses, and never forwards. The caller asks another node, or the
//! same one later, only after an answer that proves that nothing ran.

mod answer;
mod broadcast;
mod call;
mod error;
mod load;
mod refusal;
mod repeats;
mod request;
mod serve;

use std::sync::Arc;

pub use error::RemoteError;
pub use refusal::Refusal;

pub(crate) use broadcast::broadcast;
pub(crate) use call::{call, call_at};
pub(crate) use load::Latency;

use super::{Core, spawn};
use crate::cluster::{Cluster, Lines};

/// Hears the others from now on, until this node has stopped.
pub(crate) fn attend(core: &Arc<Core>, cluster: &Arc<Cluster>, lines: Lines) {
    let both = || (Arc::clone(core), Arc::clone(cluster));
    let (of, at) = both();
    spawn(&core.runtime, serve::serve(of, at, lines.inbox));
    let (of, at) = both();
    spawn(&core.runtime, broadcast::listen(of, at, lines.events));
    let (of, at) = both();
    spawn(&core.runtime, load::exchange(of, at));
}
