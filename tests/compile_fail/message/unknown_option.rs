use catga::command;
use serde::{Deserialize, Serialize};

#[command(retries = 3)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
