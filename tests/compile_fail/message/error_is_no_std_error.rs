use catga::command;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct SoldOut;

#[command(error = SoldOut)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
