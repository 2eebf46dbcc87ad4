use catga::{command, handler};
use serde::{Deserialize, Serialize};

#[command(response = u32)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

struct Store;

#[handler]
async fn place(_order: PlaceOrder, _store: Store) -> u32 {
    1
}

fn main() {}
