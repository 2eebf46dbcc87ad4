use serde::{Deserialize, Serialize};

/// What a node process says, as one line of JSON each; every line has an answer, [`YES`] or
/// [`NO`].
///
/// A connection carries one execution at a time. One that closes in the middle says that the
/// execution is no more.
#[derive(Debug, Serialize, Deserialize)]
pub enum Line {
    /// The node has started.
    Up(String),
    /// A handler is about to begin.
    Start(Execution),
    /// It came to its end: with success, or not.
    End(bool),
}

pub const YES: &str = "yes";
pub const NO: &str = "no";

/// One attempt of one handler.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Execution {
    pub process: String,
    pub handler: String,
    pub stream: String,
    /// Whether its stream is its key.
    pub keyed: bool,
    pub number: u64,
    pub attempt: u32,
    pub fence: u64,
}

impl Execution {
    /// Whether two may run at once: two handlers of one event, in one delivery.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.number == other.number
            && self.handler != other.handler
            && self.fence == other.fence
            && self.process == other.process
    }
}
