use catga::command;
use serde::{Deserialize, Serialize};

struct Receipt;

#[command(response = Receipt)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

fn main() {}
