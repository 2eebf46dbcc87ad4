use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::delivery::{Failure, Fault};
use crate::handler::HandlerInfo;

/// How far the handlers of one message have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// By the path of the handler: how often it failed, and whether it is at its end.
    handlers: BTreeMap<String, Tried>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tried {
    failed: u32,
    done: bool,
    /// Why its last attempt failed: it is given up, and its dead letter may not be written yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given_up: Option<GivenUp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct GivenUp {
    permanent: bool,
    chain: Vec<String>,
}

impl Progress {
    pub(super) fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    /// How often a handler failed.
    pub(super) fn failures(&self, handler: &HandlerInfo) -> u32 {
        self.of(handler).map_or(0, |tried| tried.failed)
    }

    /// Why a handler gave up, if it did.
    pub(super) fn given_up(&self, handler: &HandlerInfo) -> Option<Failure> {
        let tried = self.of(handler)?;
        let GivenUp { permanent, chain } = tried.given_up.clone()?;
        let fault = if permanent {
            Fault::Permanent
        } else {
            Fault::Transient {
                after: None,
                max: NonZeroU32::new(tried.failed),
            }
        };
        Some(Failure {
            fault,
            chain,
            counts: true,
        })
    }

    /// Whether a handler succeeded or gave up: it is not run again.
    pub(super) fn is_done(&self, handler: &HandlerInfo) -> bool {
        self.of(handler).is_some_and(|tried| tried.done)
    }

    pub(super) fn failed(&mut self, handler: &HandlerInfo, times: u32) {
        self.entry(handler).failed = times;
    }

    pub(super) fn gives_up(&mut self, handler: &HandlerInfo, times: u32, failure: &Failure) {
        let tried = self.entry(handler);
        tried.failed = times;
        tried.given_up = Some(GivenUp {
            permanent: failure.fault == Fault::Permanent,
            chain: failure.chain.clone(),
        });
    }

    pub(super) fn done(&mut self, handler: &HandlerInfo) {
        let tried = self.entry(handler);
        tried.done = true;
        tried.given_up = None;
    }

    fn of(&self, handler: &HandlerInfo) -> Option<&Tried> {
        if self.handlers.is_empty() {
            return None;
        }
        self.handlers.get(&handler.path())
    }

    fn entry(&mut self, handler: &HandlerInfo) -> &mut Tried {
        self.handlers.entry(handler.path()).or_default()
    }
}
