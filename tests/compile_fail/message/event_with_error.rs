use catga::event;
use serde::{Deserialize, Serialize};

#[event(error = std::fmt::Error)]
#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
