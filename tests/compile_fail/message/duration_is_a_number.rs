use catga::command;
use serde::{Deserialize, Serialize};

#[command(timeout = 5)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
