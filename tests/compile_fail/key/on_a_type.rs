use catga::key;
use serde::{Deserialize, Serialize};

#[key]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
