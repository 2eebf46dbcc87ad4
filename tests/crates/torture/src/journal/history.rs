//! What is shown of a key.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::stream::What;
use super::{Journal, Violation};
use crate::sink::Execution;

/// How many messages before and behind the one in question.
const AROUND: u64 = 3;

/// What was done to the cluster so long before belongs to it, too.
const BEFORE: Duration = Duration::from_secs(8);

impl Journal {
    /// What was seen of a message, of those around it, and of the cluster meanwhile.
    pub fn history(&self, violation: &Violation) -> String {
        let state = self.state();
        let events = state.streams.get(&violation.stream);
        let events = events.into_iter().flat_map(|stream| &stream.events);
        let near = events.filter(|event| event.number.abs_diff(violation.number) <= AROUND);
        let mut lines: Vec<_> = near
            .map(|event| (event.at, format!("{} {}", event.number, event.what)))
            .collect();
        if let (Some((first, _)), Some((last, _))) = (lines.first(), lines.last()) {
            let during = *first - BEFORE..=*last;
            let incidents = state.incidents.iter();
            let meanwhile = incidents.filter(|(at, _)| during.contains(at)).cloned();
            lines.extend(meanwhile.collect::<Vec<_>>());
        }
        lines.sort_by_key(|(at, _)| *at);
        let lines: Vec<_> = lines
            .iter()
            .map(|(at, text)| format!("  {} {text}\n", Clock(*at)))
            .collect();
        lines.concat()
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged(id) => write!(f, "acknowledged as {id}"),
            Self::Started(execution) => write!(f, "started: {execution}"),
            Self::Refused(execution) => {
                write!(f, "could not start, its fence is past: {execution}")
            }
            Self::Ended(execution, true) => write!(f, "succeeded: {execution}"),
            Self::Ended(execution, false) => write!(f, "failed: {execution}"),
            Self::TooLate(execution) => write!(f, "could not end, its fence is past: {execution}"),
            Self::Gone(execution) => write!(f, "is no more: {execution}"),
        }
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} on {}, attempt {}, fence {}",
            self.handler, self.process, self.attempt, self.fence
        )
    }
}

/// The time of day, as the logs have it.
struct Clock(SystemTime);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (seconds, micros) = (since.as_secs() % 86_400, since.subsec_micros());
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}.{micros:06}", seconds % 60)
    }
}
