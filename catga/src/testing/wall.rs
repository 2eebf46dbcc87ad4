//! The wall clock of a simulation: it goes with the clock of its timers, and jumps.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// When every simulation begins: 1 January 2025.
const BEGINNING: u64 = 1_735_689_600_000_000;

#[derive(Debug, Clone, Copy)]
struct Wall {
    started: Instant,
    /// How wrong it is, in microseconds.
    wrong: i64,
}

thread_local! {
    static WALL: Cell<Option<Wall>> = const { Cell::new(None) };
}

/// The simulated time in microseconds since 1970; `None` outside of a simulation.
pub(crate) fn now() -> Option<u64> {
    let wall = WALL.try_with(Cell::get).ok()??;
    let elapsed = u64::try_from(wall.started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Some((BEGINNING + elapsed).saturating_add_signed(wall.wrong))
}

/// Starts the clock on this thread.
pub(super) fn start() {
    let started = Instant::now();
    WALL.set(Some(Wall { started, wrong: 0 }));
}

/// Makes the clock jump.
pub(super) fn jump(by: Duration, back: bool) {
    let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    if let Some(mut wall) = WALL.get() {
        wall.wrong += if back { -by } else { by };
        WALL.set(Some(wall));
    }
}
