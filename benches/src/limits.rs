//! What was promised, and whether it holds on this machine.

use std::fmt;

/// A list of limits, each of them held or missed.
///
/// Times are reported and not asserted: a busy machine is no reason to fail.
///
/// # Examples
///
/// ```
/// use catga_benches::Limits;
///
/// let mut limits = Limits::default();
/// limits.at_most("send, ns over the direct call", 6.2, 15.0);
/// assert_eq!((limits.held(), limits.missed()), (1, 0));
/// assert_eq!(limits.to_string(), "held    send, ns over the direct call: 6.2, limit 15\n");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Limits {
    checked: Vec<(String, bool)>,
}

impl Limits {
    /// Notes whether `figure` stays within `limit`.
    pub fn at_most(&mut self, what: &str, figure: f64, limit: f64) {
        self.checked.push((
            format!("{what}: {figure:.1}, limit {limit}"),
            figure <= limit,
        ));
    }

    /// Notes whether a count per call is `expected`, to the hundredth.
    ///
    /// Work in the background, such as a heartbeat, may allocate once in a great many calls.
    pub fn exactly(&mut self, what: &str, figure: f64, expected: f64) {
        let held = (figure - expected).abs() < 0.01;
        self.checked
            .push((format!("{what}: {figure:.2}, expected {expected}"), held));
    }

    /// How many hold.
    #[must_use]
    pub fn held(&self) -> usize {
        self.checked.iter().filter(|(_, held)| *held).count()
    }

    /// How many do not.
    #[must_use]
    pub fn missed(&self) -> usize {
        self.checked.len() - self.held()
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, held) in &self.checked {
            writeln!(f, "{}  {what}", if *held { "held  " } else { "MISSED" })?;
        }
        Ok(())
    }
}
