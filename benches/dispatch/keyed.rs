//! The same with a routing key: `send` looks up who owns it.

use catga::{command, handler};
use serde::{Deserialize, Serialize};

use crate::overflow::Overflow;

#[command(response = u64, error = Overflow)]
#[route(key = "a")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AddKeyed {
    pub(crate) a: u64,
    pub(crate) b: u64,
}

#[handler]
async fn add_keyed(message: AddKeyed) -> Result<u64, Overflow> {
    message.a.checked_add(message.b).ok_or(Overflow)
}
