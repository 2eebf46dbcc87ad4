use catga::{command, handler};
use serde::{Deserialize, Serialize};

#[command(response = u32)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

struct SoldOut;

#[handler]
async fn place(_order: PlaceOrder) -> Result<u32, SoldOut> {
    Err(SoldOut)
}

fn main() {}
