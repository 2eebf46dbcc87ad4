use catga::{event, handler};
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
}

#[handler(retry(after = "1m", cap = "2s"))]
async fn bill(_event: OrderPlaced) {}

fn main() {}
