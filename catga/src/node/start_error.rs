use std::fmt;

use crate::cluster::JoinError;
use crate::telemetry::Chain;
use crate::wiring::Problems;

/// Why a node did not start.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use catga::{Node, StartError};
///
/// let starting = Node::builder("Not a name").only(|_| false).start();
/// match starting.await {
///     Err(StartError::Wiring(problems)) => assert_eq!(problems.len(), 1),
///     other => panic!("{other:?}"),
/// }
/// # }
/// ```
///
/// [`Debug`](fmt::Debug) is the text of [`Display`](fmt::Display) and of all sources: it is what
/// `main` shows when it returns the error.
#[non_exhaustive]
pub enum StartError {
    /// The wiring has problems: all of them, each with file and line.
    Wiring(Problems),
    /// The node could not join its cluster.
    Join(JoinError),
    /// There is no tokio runtime here.
    NoRuntime,
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Chain(self), f)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wiring(problems) => problems.fmt(f),
            Self::Join(error) => error.fmt(f),
            Self::NoRuntime => f.write_str(
                "a node needs a tokio runtime: await `start` inside of `#[tokio::main]` or `Runtime::block_on`",
            ),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Join(error) => error.source(),
            Self::Wiring(_) | Self::NoRuntime => None,
        }
    }
}
