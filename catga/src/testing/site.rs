use std::sync::Arc;

use super::process::Process;
use crate::node::Node;

/// A place where a node of a service runs, in one life after the other.
pub(super) struct Site {
    /// The number of its service.
    pub(super) service: usize,
    pub(super) id: Arc<str>,
    pub(super) phase: Phase,
    /// Its present life.
    pub(super) process: Option<Arc<Process>>,
    node: Option<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Down,
    Starting,
    Up,
    Leaving,
}

impl Site {
    pub(super) const fn new(service: usize, id: Arc<str>) -> Self {
        Self {
            service,
            id,
            phase: Phase::Down,
            process: None,
            node: None,
        }
    }

    pub(super) fn starting(&mut self, process: &Arc<Process>) {
        self.phase = Phase::Starting;
        self.process = Some(Arc::clone(process));
    }

    fn is(&self, process: &Arc<Process>) -> bool {
        let own = self.process.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(own, process))
    }

    pub(super) fn up(&mut self, process: &Arc<Process>, node: Node) {
        if self.is(process) && self.phase == Phase::Starting {
            self.phase = Phase::Up;
            self.node = Some(node);
        }
    }

    /// This life is over.
    pub(super) fn down(&mut self, process: &Arc<Process>) {
        if self.is(process) {
            self.phase = Phase::Down;
            self.process = None;
            self.node = None;
        }
    }

    pub(super) fn leaving(&mut self) -> Option<(Arc<Process>, Node)> {
        if self.phase != Phase::Up {
            return None;
        }
        self.phase = Phase::Leaving;
        Some((self.process.clone()?, self.node.take()?))
    }

    /// The process is gone, whatever it did. What is given back is to be dropped.
    pub(super) fn crash(&mut self) -> Option<(Arc<Process>, Option<Node>)> {
        let process = self.process.take()?;
        process.kill();
        self.phase = Phase::Down;
        Some((process, self.node.take()))
    }

    pub(super) const fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Down | Phase::Up)
    }

    /// Its node, if there is one to call.
    pub(super) fn node(&self) -> Option<(&Arc<Process>, &Node)> {
        Some((self.process.as_ref()?, self.node.as_ref()?))
    }
}
