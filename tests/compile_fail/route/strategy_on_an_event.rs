use catga::event;
use serde::{Deserialize, Serialize};

#[event]
#[route(strategy = "round_robin")]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
