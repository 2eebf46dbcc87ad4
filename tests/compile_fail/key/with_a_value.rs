use catga::{command, key};
use serde::{Deserialize, Serialize};

#[command]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    #[key(0)]
    order_id: String,
}

fn main() {}
