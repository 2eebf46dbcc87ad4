use catga::{command, event};
use serde::{Deserialize, Serialize};

#[command]
#[event]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
