use std::fmt;

use crate::wiring::Problems;

/// Why a node did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The wiring has problems: all of them, each with file and line.
    Wiring(Problems),
    /// There is no tokio runtime here.
    NoRuntime,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wiring(problems) => problems.fmt(f),
            Self::NoRuntime => f.write_str(
                "a node needs a tokio runtime: await `start` inside of `#[tokio::main]` or `Runtime::block_on`",
            ),
        }
    }
}

impl std::error::Error for StartError {}
