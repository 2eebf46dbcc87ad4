use catga::{command, route};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Customer {
    id: u64,
}

#[command]
#[route(key = "customer.name")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    customer: Customer,
}

fn main() {}
