//! What is known about a contestant afterwards.

/// What was measured for one contestant.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The contestant's name.
    pub name: String,
    /// Nanoseconds per call: the median of all rounds.
    pub nanoseconds: f64,
    /// The same of the baseline it is compared with.
    pub baseline: f64,
    /// Allocations per call: the median of a few turns that were not timed.
    pub allocations: f64,
}

impl Figure {
    /// How many times the baseline's time it takes.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.nanoseconds / self.baseline
    }

    /// The nanoseconds that it takes beyond the baseline.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.nanoseconds - self.baseline
    }
}

/// The middle value; 0 of none.
///
/// # Examples
///
/// ```
/// assert_eq!(catga_benches::figure::median(&mut [9.0, 1.0, 3.0]), 3.0);
/// ```
pub fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
