//! The harness of the benchmarks: contestants side by side, with ratios and allocations.
//!
//! Absolute times differ from machine to machine and from minute to minute. So every figure is
//! measured beside its baseline, round by round in one run, and read as a ratio or a difference.

pub mod allocations;
pub mod figure;
pub mod limits;
pub mod side_by_side;
pub mod table;

pub use figure::Figure;
pub use limits::Limits;
pub use side_by_side::Contest;
pub use table::Table;
