use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::handler::HandlerInfo;

/// How far the handlers of one message have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// By the path of the handler: how often it failed, and whether it is at its end.
    handlers: BTreeMap<String, Tried>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tried {
    failed: u32,
    done: bool,
}

impl Progress {
    pub(super) fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    /// How often a handler failed.
    pub(super) fn failures(&self, handler: &HandlerInfo) -> u32 {
        self.of(handler).failed
    }

    /// Whether a handler succeeded or gave up: it is not run again.
    pub(super) fn is_done(&self, handler: &HandlerInfo) -> bool {
        self.of(handler).done
    }

    pub(super) fn failed(&mut self, handler: &HandlerInfo, times: u32) {
        self.entry(handler).failed = times;
    }

    pub(super) fn done(&mut self, handler: &HandlerInfo) {
        self.entry(handler).done = true;
    }

    fn of(&self, handler: &HandlerInfo) -> Tried {
        if self.handlers.is_empty() {
            return Tried::default();
        }
        let tried = self.handlers.get(&handler.path());
        tried.copied().unwrap_or_default()
    }

    fn entry(&mut self, handler: &HandlerInfo) -> &mut Tried {
        self.handlers.entry(handler.path()).or_default()
    }
}
