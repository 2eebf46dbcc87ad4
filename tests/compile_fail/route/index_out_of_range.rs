use catga::{command, route};
use serde::{Deserialize, Serialize};

#[command]
#[route(key = "2")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder(String, u32);

fn main() {}
