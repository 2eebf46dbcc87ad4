use catga::{event, handler};
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
}

#[handler]
async fn bill(_event: OrderPlaced) -> u32 {
    1
}

fn main() {}
