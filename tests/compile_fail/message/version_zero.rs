use catga::command;
use serde::{Deserialize, Serialize};

#[command(version = 0)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
