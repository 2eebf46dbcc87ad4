use catga::{event, route};
use serde::{Deserialize, Serialize};

#[event]
#[route(topic = "orders.placed", strategy = "random")]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
    region: String,
}

fn main() {}
