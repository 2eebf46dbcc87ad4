//! What the handlers of the event wrote down.

use std::sync::{Arc, Mutex, PoisonError};

/// A cheap clone of one shared list of lines.
#[derive(Clone, Default)]
pub struct Books(Arc<Mutex<Vec<String>>>);

impl Books {
    pub fn write(&self, line: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
