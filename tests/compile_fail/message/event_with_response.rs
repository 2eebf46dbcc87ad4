use catga::event;
use serde::{Deserialize, Serialize};

#[event(response = u64)]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
