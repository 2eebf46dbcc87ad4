//! A handler whose future is larger than what is stored in place.

use std::future::ready;
use std::hint::black_box;

use catga::{command, handler};
use serde::{Deserialize, Serialize};

use crate::overflow::Overflow;

#[command(response = u64, error = Overflow)]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AddLarge {
    pub(crate) a: u64,
    pub(crate) b: u64,
}

#[handler]
pub(crate) async fn add_large(message: AddLarge) -> Result<u64, Overflow> {
    // Held across an await, so it is part of the future: 384 bytes, of which 256 would fit.
    let held = black_box([message.a; 48]);
    ready(()).await;
    black_box(&held)[7].checked_add(message.b).ok_or(Overflow)
}
