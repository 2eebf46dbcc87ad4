use catga::{Headers, command, handler};
use serde::{Deserialize, Serialize};

#[command(response = u32)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

#[handler]
async fn place(_order: PlaceOrder, _headers: &Headers) -> u32 {
    1
}

fn main() {}
