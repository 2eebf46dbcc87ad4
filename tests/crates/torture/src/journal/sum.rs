//! What it comes to in the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use catga::MessageId;

use super::{Journal, Rule, Violation};
use crate::messages::Letter;
use crate::sink::Execution;

/// A handler that owes a message.
#[derive(Debug)]
pub struct Owed {
    pub stream: String,
    pub number: u64,
    pub id: MessageId,
    pub handler: &'static str,
}

/// The figures of a run.
#[derive(Debug, Default)]
pub struct Sum {
    pub acknowledged: usize,
    /// Messages, once for each handler that handled them.
    pub handled: usize,
    pub duplicates: Duplicates,
}

/// What was handled again after it had been handled.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// The node that handled it first was killed or stopped.
    pub harmed: usize,
    /// It was not: it, or all of them, had no connection, or its handlers did not end in time.
    pub other: usize,
    /// The same owner handled it again.
    pub same: usize,
}

impl Duplicates {
    pub fn count(&self) -> usize {
        self.harmed + self.other + self.same
    }
}

impl Journal {
    /// How many messages were acknowledged.
    pub fn count(&self) -> usize {
        let state = self.state();
        state
            .streams
            .values()
            .map(|stream| stream.messages.len())
            .sum()
    }

    /// What was acknowledged and is neither handled nor a dead letter.
    pub fn owed(&self, letters: &[Letter]) -> Vec<Owed> {
        let dead: BTreeSet<(MessageId, Option<&str>)> = letters
            .iter()
            .map(|letter| {
                let path = letter.handler.as_deref();
                (letter.id, path.and_then(|path| path.rsplit("::").next()))
            })
            .collect();
        let mut owed = Vec::new();
        for (name, stream) in &self.state().streams {
            for (number, message) in &stream.messages {
                for handler in message.due {
                    let done = stream.done.contains_key(&(*number, (*handler).to_owned()));
                    let letter = |handler| dead.contains(&(message.id, handler));
                    if !done && !letter(Some(handler)) && !letter(None) {
                        owed.push(Owed {
                            stream: name.clone(),
                            number: *number,
                            id: message.id,
                            handler,
                        });
                    }
                }
            }
        }
        owed
    }

    /// What was found wrong, with what is lost.
    pub fn violations(&self, owed: &[Owed]) -> Vec<Violation> {
        let mut violations = self.state().violations.clone();
        violations.extend(owed.iter().map(|owed| Violation {
            rule: Rule::Lost,
            stream: owed.stream.clone(),
            number: owed.number,
            text: format!("{} owes {}", owed.handler, owed.id),
        }));
        violations
    }

    pub fn sum(&self) -> Sum {
        let state = self.state();
        let mut sum = Sum::default();
        for stream in state.streams.values() {
            sum.acknowledged += stream.messages.len();
            sum.handled += stream.done.len();
            for executions in stream.done.values() {
                for pair in executions.windows(2) {
                    *if is_twice(pair) {
                        &mut sum.duplicates.same
                    } else if state.harmed.contains(&pair[0].process) {
                        &mut sum.duplicates.harmed
                    } else {
                        &mut sum.duplicates.other
                    } += 1;
                }
            }
        }
        sum
    }

    /// What one owner handled twice.
    pub fn twice(&self) -> Vec<Violation> {
        let state = self.state();
        let mut found = Vec::new();
        for (name, stream) in &state.streams {
            for ((number, _), executions) in &stream.done {
                let mut pairs = executions.windows(2);
                if let Some(pair) = pairs.find(|pair| is_twice(pair)) {
                    found.push(Violation {
                        rule: Rule::Twice,
                        stream: name.clone(),
                        number: *number,
                        text: format!("{} and then {}", pair[0], pair[1]),
                    });
                }
            }
        }
        found
    }
}

/// Whether one owner handled it twice.
fn is_twice(pair: &[Arc<Execution>]) -> bool {
    pair[1].keyed && pair[0].fence == pair[1].fence
}
