use catga::command;
use serde::{Deserialize, Serialize};

#[command]
#[derive(Serialize, Deserialize)]
struct PlaceOrder<T> {
    order_id: T,
}

fn main() {}
