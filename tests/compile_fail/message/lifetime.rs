use catga::event;
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
struct OrderPlaced<'a> {
    order_id: &'a str,
}

fn main() {}
