use catga::route;
use serde::{Deserialize, Serialize};

#[route(key = "order_id")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
