use catga::{command, route};
use serde::{Deserialize, Serialize};

#[command]
#[route(key = "order_id")]
#[route(strategy = "random")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
