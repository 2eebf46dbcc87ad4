use catga::key;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    #[key]
    order_id: String,
}

fn main() {}
