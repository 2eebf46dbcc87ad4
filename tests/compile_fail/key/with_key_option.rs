use catga::{command, key, route};
use serde::{Deserialize, Serialize};

#[command]
#[route(key = "order_id")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    #[key]
    order_id: String,
}

fn main() {}
