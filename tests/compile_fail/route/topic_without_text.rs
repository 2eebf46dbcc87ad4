use catga::{event, route};
use serde::{Deserialize, Serialize};

#[event]
#[route(topic = "orders.{weight}")]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
    region: String,
    weight: f64,
}

fn main() {}
