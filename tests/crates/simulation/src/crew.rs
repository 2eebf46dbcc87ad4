//! Two threads that work through the seeds, and somebody who sees that they get on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const THREADS: usize = 2;

/// A run takes a second or two. One that takes this long is in a loop in which no simulated time
/// goes by, so that nothing inside of it can end it.
const STUCK: Duration = Duration::from_secs(120);

/// What came of all seeds.
pub struct Sum {
    pub violations: u64,
    /// The seeds that did not come to an end.
    pub stuck: Vec<u64>,
}

/// Runs each seed; `run` returns the number of violations.
pub fn work(seeds: std::ops::Range<u64>, run: fn(u64, bool) -> u64, twice: bool) -> Sum {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static UNDER_WAY: Mutex<Vec<(u64, Instant)>> = Mutex::new(Vec::new());

    let under_way = || UNDER_WAY.lock().expect("nobody panics with it");
    NEXT.store(seeds.start, Ordering::Relaxed);
    let (done, results) = channel();
    for _ in 0..THREADS {
        let done = done.clone();
        // They are not waited for: one that is stuck never ends.
        std::thread::spawn(move || {
            loop {
                let seed = NEXT.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return;
                }
                under_way().push((seed, Instant::now()));
                let violations = run(seed, twice);
                under_way().retain(|(other, _)| *other != seed);
                if done.send(violations).is_err() {
                    return;
                }
            }
        });
    }
    drop(done);
    let mut violations = 0;
    loop {
        match results.recv_timeout(Duration::from_secs(1)) {
            Ok(found) => violations += found,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let under_way = under_way();
        let stuck = under_way
            .iter()
            .filter(|(_, since)| since.elapsed() > STUCK);
        let stuck: Vec<_> = stuck.map(|(seed, _)| *seed).collect();
        if !stuck.is_empty() {
            return Sum { violations, stuck };
        }
    }
    // A thread that panicked left its seed behind.
    let stuck = under_way().iter().map(|(seed, _)| *seed).collect();
    Sum { violations, stuck }
}
