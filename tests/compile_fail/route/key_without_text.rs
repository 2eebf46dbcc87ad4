use catga::{command, route};
use serde::{Deserialize, Serialize};

#[command]
#[route(key = "weight")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
    region: String,
    weight: f64,
}

fn main() {}
