//! How a durable message is handled: its queue, its key's lane, its attempts and where it goes
//! when they are used up.
//!
//! Two engines handle what is stored. `queue` is that of a node without a broker: all is in its memory,
//! nothing is encoded, and nobody else may take over. `durable` is that of a node in a cluster: queues
//! and their owners are in the broker. What an attempt is, how one is executed, lanes,
//! the retry policy and deduplication are the same for both, and live here.

mod attempt;
mod broadcast;
mod dead_letters;
mod dedup;
#[expect(clippy::module_inception, reason = "a delivery is one subject of many")]
mod delivery;
mod durable;
mod envelope;
mod execute;
mod failure;
pub(crate) mod fault;
mod held;
mod lanes;
mod layered;
mod operations;
mod outcome;
mod queue;
pub mod retry;
mod room;
mod turn;

pub use dead_letters::{DeadLetter, Reason};
pub use delivery::Delivery;
pub use fault::Fault;
pub use held::LaneHeld;
pub use outcome::Outcome;

pub(crate) use broadcast::broadcast;
pub(crate) use dedup::{Claim, Claimant, Claimed};
#[cfg(feature = "testing")]
pub(crate) use dedup::{claim_name, is_success};
pub(crate) use delivery::Payload;
#[cfg(feature = "testing")]
pub(crate) use durable::is_of_unknown_type;
pub(crate) use durable::{Appending, Drained, Engine, How, LAST_WORD, Limits, NotAppended};
pub(crate) use envelope::Envelope;
pub(crate) use failure::{Failure, chain};
pub(crate) use held::HeldKeys;
pub(crate) use operations::Operations;
pub(crate) use outcome::Encoded;
pub(crate) use queue::{NotStored, Queue, start};
pub(crate) use turn::turn;
