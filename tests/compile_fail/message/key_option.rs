use catga::command;
use serde::{Deserialize, Serialize};

#[command(key = "order_id")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
