use catga::{command, handler};
use serde::{Deserialize, Serialize};

#[command(response = "u32")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

#[handler]
async fn place(_order: PlaceOrder) -> u32 {
    1
}

fn main() {}
