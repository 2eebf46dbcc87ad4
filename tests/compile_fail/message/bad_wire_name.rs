use catga::command;
use serde::{Deserialize, Serialize};

#[command(name = "orders..place")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
