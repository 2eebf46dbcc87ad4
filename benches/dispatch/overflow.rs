use std::fmt;

use serde::{Deserialize, Serialize};

/// The declared error of all commands here; none of them fails while it is measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sum overflows")
    }
}

impl std::error::Error for Overflow {}
