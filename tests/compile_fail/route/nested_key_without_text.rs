use catga::{command, route};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Parcel {
    weight: f64,
}

#[command]
#[route(key = "parcel.weight")]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    parcel: Parcel,
}

fn main() {}
