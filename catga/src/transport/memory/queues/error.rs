use std::fmt;
use std::sync::Arc;

/// Why nothing was done.
#[derive(Debug)]
pub(super) enum Refused {
    /// The service has no such queue.
    NoQueue(Arc<str>),
    /// The generation was destroyed, or never opened.
    Destroyed(String),
    /// The generation does not read the partition, or has not got as far.
    NotReceived(u32),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoQueue(queue) => {
                write!(
                    f,
                    "there is no queue {queue}: its service provisions it first"
                )
            }
            Self::Destroyed(name) => {
                write!(f, "the generation {name} is destroyed: open another one")
            }
            Self::NotReceived(partition) => {
                write!(
                    f,
                    "the generation did not receive it of partition {partition}"
                )
            }
        }
    }
}

impl std::error::Error for Refused {}
