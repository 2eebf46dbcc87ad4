use std::borrow::Cow;

use catga::{command, handler, route};
use serde::{Deserialize, Serialize};

#[command(response = u64)]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) number: u64,
}

#[handler]
pub(crate) async fn count(message: Count) -> u64 {
    message.number + 1
}

#[command(response = usize)]
#[route(key = "order_id")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pay {
    pub(crate) order_id: Cow<'static, str>,
}

#[handler]
async fn pay(message: Pay) -> usize {
    message.order_id.len()
}
