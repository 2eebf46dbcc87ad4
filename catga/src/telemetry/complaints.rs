use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The same is not said again before.
const PAUSE: Duration = Duration::from_secs(10);

/// What a node has said of what fails again and again: while a broker is away, thousands of messages
/// may have the same to say, many times a second.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<HashMap<Box<str>, Said>>);

#[derive(Debug)]
struct Said {
    at: Instant,
    /// How often it was not said since.
    unsaid: u64,
}

impl Complaints {
    /// How many times something happened since it was said last, this time included; `None` where
    /// that was a moment ago.
    pub(crate) fn times(&self, what: &str) -> Option<u64> {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = all.get_mut(what) {
            if now.duration_since(said.at) < PAUSE {
                said.unsaid += 1;
                return None;
            }
            said.at = now;
            return Some(1 + std::mem::take(&mut said.unsaid));
        }
        all.retain(|_, said| now.duration_since(said.at) < PAUSE || said.unsaid > 0);
        let said = Said { at: now, unsaid: 0 };
        all.insert(what.into(), said);
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happens_often_is_said_now_and_then() {
        let complaints = Complaints::default();
        assert_eq!(complaints.times("one"), Some(1));
        assert_eq!(complaints.times("one"), None);
        assert_eq!(complaints.times("one"), None);
        assert_eq!(complaints.times("another"), Some(1));
        advance(PAUSE).await;
        assert_eq!(complaints.times("one"), Some(3), "two were not said");
        advance(PAUSE).await;
        assert_eq!(complaints.times("one"), Some(1));
    }
}
