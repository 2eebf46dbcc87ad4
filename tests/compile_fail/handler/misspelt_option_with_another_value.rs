use catga::{event, handler};
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
}

#[handler(retries = 3)]
async fn bill(_event: OrderPlaced) {}

fn main() {}
