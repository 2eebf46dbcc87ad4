use catga::command;
use serde::Serialize;

#[command]
#[derive(Serialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
