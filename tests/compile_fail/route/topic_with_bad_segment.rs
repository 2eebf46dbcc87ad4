use catga::{event, route};
use serde::{Deserialize, Serialize};

#[event]
#[route(topic = "orders.*.placed")]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
    region: String,
}

fn main() {}
