//! Simulated clusters: your handlers, real nodes, and everything that can go wrong.
//!
//! A [`Simulation`] runs several nodes in one thread, on a clock that is paused, over a broker in
//! memory. While your workload runs, [`Faults`] crash nodes, stop processes, cut lines, lose
//! replies. Then everything heals, and the [`Report`] says whether each promise was kept: what was
//! acknowledged is handled, or a dead letter; in order per key, by one node at a time, and not twice
//! without a reason.
//!
//! # A workload that meets faults
//!
//! Something goes wrong every few seconds of the simulated clock, and only while the workload runs:
//! one that makes its calls without a pause is over before anything does. Let it last for some
//! minutes, with `tokio::time::sleep` between the calls, which costs no time, and let handlers take
//! a while, so that they are interrupted.
//!
//! Besides the faults, a [`Client`] does what operators do: it pauses and resumes a service, lists its
//! dead letters, replays and drops them, and leaves what nobody can read. The nodes of a service need not
//! be alike, as in a rolling deployment: what `make` gives a node may depend on how many lives there were
//! before.
//!
//! # What is checked
//!
//! Each [`Rule`] is a promise that the report looks at:
//!
//! - a key runs one message at a time, on a node that has its lease, under a fence that never falls,
//! - first attempts run in stored order, replays in the order of the replays,
//! - what was acknowledged is handled or a dead letter; a replay by the handler that gave it up alone,
//! - nothing runs twice without a reason, and not at all where a handler with `dedup` is known to have
//!   succeeded; what a handler sends again is the same message,
//! - a dead letter has a reason, and one of an unknown type has nobody who knows the type; what was
//!   replayed or dropped is no letter any more, and what was dropped does not run,
//! - nothing starts while its service is paused, joins move few partitions, and all comes to rest.
//!
//! All of a run follows from its seed, which also draws the kinds of faults that it has. So run many
//! seeds: a range in each run of the tests, a longer one now and then. A failure names its seed; run
//! that seed alone to see it again.
//!
//! # What only you can check
//!
//! The report knows what catga promises, not what your handlers are for. What outlives a crash is
//! what the nodes do not own: an `Arc` from outside that [`service`](Simulation::service) clones into
//! the nodes is the database of the simulation. Look at it at the end.
//!
//! # Examples
//!
//! Handlers run again after a crash, and one that stood still may go on when the key has another
//! owner. So this one books under the id of its message, and under its fence:
//!
//! ```
//! use std::collections::{BTreeMap, BTreeSet};
//! use std::sync::{Arc, Mutex, PoisonError};
//! use std::time::Duration;
//! use catga::testing::{Faults, Simulation};
//! use catga::{Context, MessageId, State, command, handler};
//! use serde::{Deserialize, Serialize};
//! use tokio::time::sleep;
//!
//! #[command]
//! #[route(key = "account")]
//! #[derive(Serialize, Deserialize)]
//! struct Pay { account: u32, amount: u64 }
//!
//! #[derive(Default)]
//! struct Account { balance: u64, booked: BTreeSet<MessageId>, fence: u64 }
//!
//! type Accounts = Arc<Mutex<BTreeMap<u32, Account>>>;
//!
//! #[handler]
//! async fn pay(pay: Pay, cx: Context, State(accounts): State<Accounts>) -> Result<(), String> {
//!     sleep(Duration::from_millis(300)).await;                       // asks the bank
//!     let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
//!     let account = accounts.entry(pay.account).or_default();
//!     if cx.fence() < account.fence {
//!         return Err("the account has another owner".into());
//!     }
//!     account.fence = cx.fence();
//!     if account.booked.insert(cx.id()) {
//!         account.balance += pay.amount;
//!     }
//!     Ok(())
//! }
//!
//! # let here = module_path!();
//! let mut again = 0;
//! for seed in 0..4 {                                                 // and more in a test of yours
//!     let accounts = Accounts::default();                            // outlives the nodes
//!     let database = Arc::clone(&accounts);
//!     let mut paid = BTreeSet::new();
//!     let report = Simulation::new(seed)
//!         .service("bank", 3, move |builder| {
//! #           let builder = builder.only(move |handler| handler.module() == here);
//!             builder.state(Arc::clone(&database))
//!         })
//!         .faults(Faults::all())
//!         .run(async |world| {
//!             for number in 0..200 {
//!                 let pay = Pay { account: number % 20, amount: 5 };
//!                 // A call whose node dies has no answer: it may be stored or not.
//!                 if let Ok(stored) = world.any().enqueue(pay).await {
//!                     paid.insert(stored.id());
//!                 }
//!                 sleep(Duration::from_millis(500)).await;
//!             }
//!         });
//!     report.assert_clean();
//!     assert_eq!(report.dead_letters(), 0, "{report}");              // what `assert_clean` allows
//!     let accounts = accounts.lock().unwrap();
//!     let booked: BTreeSet<_> = accounts.values().flat_map(|account| &account.booked).copied().collect();
//!     assert!(booked.is_superset(&paid), "seed {seed}: a payment is missing");
//!     let sum: u64 = accounts.values().map(|account| account.balance).sum();
//!     assert_eq!(sum, 5 * booked.len() as u64, "seed {seed}: not each payment once");
//!     again += report.executions() - booked.len();
//! }
//! // Where nothing had to be handled again, nothing was tested.
//! assert!(again > 0);
//! ```

mod broker;
mod chaos;
mod check;
mod client;
mod enqueued;
mod fate;
mod faults;
mod flow;
mod history;
mod line;
mod moves;
mod observer;
mod operations;
mod operator;
mod process;
mod remembered;
mod report;
mod settle;
mod simulation;
mod sink;
mod site;
#[cfg(test)]
mod tests;
mod versions;
pub(crate) mod wall;
mod world;

pub(crate) use process::inherited;

pub use client::{CallError, Client};
pub use faults::{Disturbance, Faults};
pub use report::{Report, Rule, Violation};
pub use simulation::Simulation;
pub use sink::Sink;
pub use world::World;
