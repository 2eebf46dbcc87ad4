use catga::{event, route};
use serde::{Deserialize, Serialize};

#[event]
#[route(key = "order_id")]
#[derive(Serialize, Deserialize)]
enum OrderChanged {
    Placed { order_id: String },
    Cancelled,
    Paid { order_id: String, amount: u64 },
}

fn main() {}
