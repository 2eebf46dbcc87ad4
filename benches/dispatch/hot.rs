//! The one handler that is called while others fill the table.

use catga::{command, handler};
use serde::{Deserialize, Serialize};

use crate::overflow::Overflow;

#[command(response = u64, error = Overflow)]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Add {
    pub(crate) a: u64,
    pub(crate) b: u64,
}

#[handler]
pub(crate) async fn add(message: Add) -> Result<u64, Overflow> {
    message.a.checked_add(message.b).ok_or(Overflow)
}
