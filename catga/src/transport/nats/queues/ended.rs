use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many ended generations are remembered.
const KEPT: usize = 256;

/// The names of generations that are known to have ended: the last ones.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<VecDeque<Box<str>>>);

impl Ended {
    pub(super) fn add(&self, name: &str) {
        if self.has(name) {
            return;
        }
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() == KEPT {
            names.pop_front();
        }
        names.push_back(name.into());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().any(|ended| **ended == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_ends_are_forgotten() {
        let ended = Ended::default();
        for number in 0..=KEPT {
            ended.add(&format!("g-{number}"));
            ended.add(&format!("g-{number}"));
        }
        assert!(!ended.has("g-0"));
        assert!(ended.has("g-1"));
    }
}
