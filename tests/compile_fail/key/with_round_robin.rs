use catga::{command, key, route};
use serde::{Deserialize, Serialize};

#[command]
#[route(strategy = "round_robin")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    #[key]
    order_id: String,
}

fn main() {}
