use catga::command;
use serde::{Deserialize, Serialize};

#[command(version = 1, version = 2)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
