use catga::{event, route};
use serde::{Deserialize, Serialize};

#[event]
#[route(key = "order")]
#[derive(Serialize, Deserialize)]
enum OrderChanged {
    Placed { order_id: String },
    Paid { order_id: String, amount: u64 },
}

fn main() {}
