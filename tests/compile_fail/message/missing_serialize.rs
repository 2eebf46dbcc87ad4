use catga::command;
use serde::Deserialize;

#[command]
#[derive(Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
