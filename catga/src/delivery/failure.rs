use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;

use super::Fault;
use super::fault::sources;
use crate::node::SendError;

/// Why an attempt of a durable delivery failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    /// The error and its sources, outermost first.
    pub(crate) chain: Vec<String>,
    /// Whether it used one of the handler's attempts up.
    pub(crate) counts: bool,
}

impl Failure {
    pub(crate) fn of<E: Error + 'static>(error: SendError<E>) -> Self {
        match error.split() {
            Ok(declared) => Self::new(Fault::of(&declared), &declared),
            Err(error) => Self::undeclared(&error),
        }
    }

    fn undeclared(error: &SendError) -> Self {
        // What the message and the node were is beside the chain: it begins with the handler's own
        // error where there is one.
        let (fault, first): (_, &(dyn Error + 'static)) = match error {
            SendError::Failed(failed) => {
                let source = failed.source().unwrap_or(failed);
                (failed.fault(), source)
            }
            // No later attempt reads these bytes differently.
            SendError::Decode(_) => (Fault::Permanent, error),
            other => (Fault::of(other), other),
        };
        Self::new(fault, first)
    }

    fn new(fault: Fault, error: &(dyn Error + 'static)) -> Self {
        Self {
            fault,
            chain: chain(error),
            counts: true,
        }
    }

    /// Something around the handler panicked.
    pub(crate) fn panicked(text: &str) -> Self {
        Self {
            fault: Fault::UNDECLARED,
            chain: vec![format!("a layer or an error panicked: {text}")],
            counts: true,
        }
    }

    /// The message's id could not be claimed: it is tried again until it can. The handler was not
    /// asked, so it costs no attempt.
    pub(crate) fn unclaimed(error: &(dyn Error + 'static)) -> Self {
        Self {
            fault: Fault::Transient {
                after: Some(Duration::from_secs(1)),
                max: Some(NonZeroU32::MAX),
            },
            chain: chain(error),
            counts: false,
        }
    }

    /// A layer's own error: transient.
    pub(crate) fn layer(error: &(dyn Error + 'static)) -> Self {
        let mut texts = vec!["a layer failed".to_owned()];
        texts.extend(chain(error));
        Self {
            fault: Fault::UNDECLARED,
            chain: texts,
            counts: true,
        }
    }
}

/// The texts of an error and of its sources, outermost first.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    sources(error).map(ToString::to_string).collect()
}
