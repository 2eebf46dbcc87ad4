//! What is measured, of any way to store and handle parcels.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::parcel::{Parcel, Received};

/// A way to store parcels and to handle them: catga, or a loop by hand.
pub(crate) trait Way {
    /// Stores so many parcels, from all of its nodes at once.
    async fn store(&self, count: u64);

    /// Stores one and does not wait for it.
    fn hand_over(&self, parcel: Parcel);

    fn received(&self) -> &Received;

    fn queue(&self) -> &impl Queue;
}

/// Where parcels lie, seen from outside.
pub(crate) trait Queue {
    /// Completes when nothing is stored: everything is acknowledged.
    async fn emptied(&self);

    /// Removes everything.
    async fn clear(&self);
}

/// Parcels per second from the first call until the last one is acknowledged.
pub(crate) async fn end_to_end(way: &impl Way, count: u64) -> f64 {
    way.received().expect(count);
    let started = Instant::now();
    let handled = async {
        way.received().all().await;
        way.queue().emptied().await;
    };
    futures_util::future::join(way.store(count), handled).await;
    count as f64 / started.elapsed().as_secs_f64()
}

/// Parcels per second that are stored where nobody handles them.
pub(crate) async fn publish(way: &impl Way, count: u64) -> f64 {
    let started = Instant::now();
    way.store(count).await;
    let rate = count as f64 / started.elapsed().as_secs_f64();
    way.queue().clear().await;
    rate
}

/// How long a parcel takes from its sender to its handler at 1,000 a second, in microseconds: half
/// of them, and 99 of 100, take less.
pub(crate) async fn latency(way: &impl Way, count: u64) -> (f64, f64) {
    way.received().take_times();
    way.received().expect(count);
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..count {
        ticks.tick().await;
        way.hand_over(Parcel::timed(number));
    }
    way.received().all().await;
    way.queue().emptied().await;
    percentiles(way.received().take_times())
}

/// The median and the 99th percentile in microseconds, of nanoseconds.
pub(crate) fn percentiles(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |part: usize| {
        let place = times.len() * part / 100;
        times.get(place).copied().unwrap_or_default() / 1_000.0
    };
    (at(50), at(99))
}
