//! Contestants that take turns, so that a change of the machine's speed meets all of them.

use std::fmt;
use std::time::{Duration, Instant};

use crate::allocations;
use crate::figure::{Figure, median};

const COUNTED_TURNS: usize = 5;

/// Several ways to do one thing, measured in turns.
///
/// # Examples
///
/// ```
/// use std::hint::black_box;
/// use std::time::Duration;
///
/// use catga_benches::Contest;
///
/// let mut contest = Contest::new(3, Duration::from_micros(10));
/// contest.baseline("once", |calls| (0..calls).for_each(|call| drop(black_box(call))));
/// contest.beside("twice", |calls| (0..2 * calls).for_each(|call| drop(black_box(call))));
/// let figures = contest.run();
/// assert_eq!(figures[0].ratio(), 1.0);
/// assert_eq!(figures[1].name, "twice");
/// assert_eq!(figures[1].allocations, 0.0);
/// ```
pub struct Contest<'a> {
    contestants: Vec<Contestant<'a>>,
    rounds: usize,
    turn: Duration,
}

struct Contestant<'a> {
    name: String,
    /// The place of the one it is compared with.
    baseline: usize,
    run: Box<dyn FnMut(u64) + 'a>,
    /// Calls of one turn.
    calls: u64,
    /// Nanoseconds per call, one per round.
    samples: Vec<f64>,
}

impl<'a> Contest<'a> {
    /// A contest of `rounds` rounds, in which each turn takes about the time `turn`.
    #[must_use]
    pub fn new(rounds: usize, turn: Duration) -> Self {
        Self {
            contestants: Vec::new(),
            rounds,
            turn,
        }
    }

    /// Adds a contestant that those after it are compared with: `run(n)` does the thing `n` times.
    pub fn baseline(&mut self, name: impl Into<String>, run: impl FnMut(u64) + 'a) {
        self.push(self.contestants.len(), name.into(), Box::new(run));
    }

    /// Adds a contestant beside the last baseline: `run(n)` does the thing `n` times.
    ///
    /// # Panics
    ///
    /// Without a baseline before it.
    pub fn beside(&mut self, name: impl Into<String>, run: impl FnMut(u64) + 'a) {
        let baseline = self
            .contestants
            .last()
            .expect("a baseline comes first")
            .baseline;
        self.push(baseline, name.into(), Box::new(run));
    }

    fn push(&mut self, baseline: usize, name: String, run: Box<dyn FnMut(u64) + 'a>) {
        self.contestants.push(Contestant {
            name,
            baseline,
            run,
            calls: 1,
            samples: Vec::new(),
        });
    }

    /// Warms up, then measures all contestants round by round.
    #[must_use]
    pub fn run(mut self) -> Vec<Figure> {
        for contestant in &mut self.contestants {
            contestant.calibrate(self.turn);
        }
        let places = self.contestants.len();
        for round in 0..self.rounds {
            // Nobody always runs behind the same neighbour with the caches it left.
            for place in 0..places {
                self.contestants[(round + place) % places].take_turn();
            }
        }
        let mut figures = Vec::<Figure>::with_capacity(places);
        for contestant in self.contestants {
            let baseline = figures
                .get(contestant.baseline)
                .map(|figure| figure.nanoseconds);
            figures.push(contestant.finish(baseline));
        }
        figures
    }
}

impl fmt::Debug for Contest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.contestants.iter().map(|contestant| &contestant.name))
            .finish()
    }
}

impl Contestant<'_> {
    /// Also the warm-up: doubles the calls until they take a turn's time.
    fn calibrate(&mut self, turn: Duration) {
        loop {
            let started = Instant::now();
            (self.run)(self.calls);
            if started.elapsed() >= turn {
                break;
            }
            self.calls *= 2;
        }
    }

    fn take_turn(&mut self) {
        let started = Instant::now();
        (self.run)(self.calls);
        let elapsed = started.elapsed();
        self.samples
            .push(per_call(elapsed.as_nanos() as f64, self.calls));
    }

    /// `baseline` is `None` where this is the baseline itself.
    fn finish(mut self, baseline: Option<f64>) -> Figure {
        let mut counts = (0..COUNTED_TURNS)
            .map(|_| {
                let count = allocations::count(|| (self.run)(self.calls));
                per_call(count as f64, self.calls)
            })
            .collect::<Vec<_>>();
        let nanoseconds = median(&mut self.samples);
        Figure {
            name: self.name,
            nanoseconds,
            baseline: baseline.unwrap_or(nanoseconds),
            allocations: median(&mut counts),
        }
    }
}

fn per_call(total: f64, calls: u64) -> f64 {
    total / calls as f64
}
