//! Simulated clusters: your handlers, real nodes, and everything that can go wrong.
//!
//! A [`Simulation`] runs several nodes in one thread, on a clock that is paused, over a broker in
//! memory. While your workload runs, [`Faults`] crash nodes, stop processes, cut lines, lose
//! replies. Then everything heals, and the [`Report`] says whether each promise was kept: what was
//! acknowledged is handled, in order per key, by one node at a time, and not twice without a
//! reason. All of it follows from one seed: a run that failed is repeated by running its seed
//! again.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use catga::testing::{Faults, Simulation};
//! use catga::{command, handler};
//! use serde::{Deserialize, Serialize};
//!
//! #[command]
//! #[route(key = "order_id")]
//! #[derive(Serialize, Deserialize)]
//! struct Place { order_id: u32 }
//!
//! #[handler]
//! async fn place(_: Place) {
//!     tokio::time::sleep(Duration::from_millis(20)).await;
//! }
//!
//! # let here = module_path!();
//! let report = Simulation::new(7)
//!     .service("orders", 3, move |node| node.only(move |handler| handler.module() == here))
//!     .faults(Faults::all())
//!     .run(|world| async move {
//!         for order_id in 0..20 {
//!             // A call whose node dies has no answer.
//!             let _ = world.any().enqueue(Place { order_id }).await;
//!         }
//!     });
//! report.assert_clean();
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
mod report;
mod settle;
mod simulation;
mod sink;
mod site;
#[cfg(test)]
mod tests;
pub(crate) mod wall;
mod world;

pub(crate) use process::inherited;

pub use client::{CallError, Client};
pub use faults::{Disturbance, Faults};
pub use report::{Report, Rule, Violation};
pub use simulation::Simulation;
pub use sink::Sink;
pub use world::World;
