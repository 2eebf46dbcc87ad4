//! The same with shared state, which is cloned for each call on both sides.

use std::sync::Arc;

use catga::{State, command, handler};
use serde::{Deserialize, Serialize};

use crate::overflow::Overflow;

#[derive(Debug)]
pub(crate) struct Offset(pub(crate) u64);

#[command(response = u64, error = Overflow)]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AddOffset {
    pub(crate) a: u64,
}

#[handler]
pub(crate) async fn add_offset(
    message: AddOffset,
    State(offset): State<Arc<Offset>>,
) -> Result<u64, Overflow> {
    message.a.checked_add(offset.0).ok_or(Overflow)
}
