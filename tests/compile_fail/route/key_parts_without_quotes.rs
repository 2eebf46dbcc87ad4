use catga::{command, route};
use serde::{Deserialize, Serialize};

#[command]
#[route(key = (region, order_id))]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
    region: String,
}

fn main() {}
