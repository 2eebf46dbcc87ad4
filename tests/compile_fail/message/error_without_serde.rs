use catga::command;
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error)]
#[error("sold out")]
struct SoldOut;

#[command(error = SoldOut)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
