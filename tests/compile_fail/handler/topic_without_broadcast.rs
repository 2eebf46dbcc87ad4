use catga::{event, handler};
use serde::{Deserialize, Serialize};

#[event]
#[route(topic = "orders.{region}.placed")]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    region: String,
}

#[handler(topic = "orders.*.placed")]
async fn note(_event: OrderPlaced) {}

fn main() {}
