use catga::command;
use serde::{Deserialize, Serialize};

#[command(response)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
