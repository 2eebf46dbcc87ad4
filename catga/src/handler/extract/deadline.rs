use std::time::Duration;

use tokio::time::Instant;

use super::{Call, FromContext};
use crate::BoxError;
use crate::node::after;

/// When the caller stops waiting for the handler, or the attempt of a durable delivery ends.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::{Deadline, Node, handler, query};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = Duration, timeout = "2s")]
/// #[derive(Serialize, Deserialize)]
/// struct TimeLeft;
///
/// #[handler]
/// async fn time_left(_: TimeLeft, deadline: Deadline) -> Duration {
///     deadline.remaining()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("clock")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// assert!(node.send(TimeLeft).await? <= Duration::from_secs(2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline at a point in time, on tokio's clock.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The deadline after a duration from now; [`Duration::MAX`] is never. For unit tests of handlers.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::Deadline;
    ///
    /// assert!(!Deadline::after(Duration::MAX).has_passed());
    /// assert!(Deadline::after(Duration::ZERO).has_passed());
    /// ```
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self(after(timeout))
    }

    /// The time left; zero once the deadline has passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The point in time, on tokio's clock.
    #[must_use]
    pub const fn instant(&self) -> Instant {
        self.0
    }
}

impl FromContext for Deadline {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        Ok(call.deadline())
    }
}
