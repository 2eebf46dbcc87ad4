use catga::{command, handler};
use serde::{Deserialize, Serialize};

#[command(response = u32)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

#[handler]
fn place(_order: PlaceOrder) -> impl Future<Output = u32> {
    std::future::ready(1)
}

fn main() {}
