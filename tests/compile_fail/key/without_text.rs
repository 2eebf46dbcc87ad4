use catga::{command, key};
use serde::{Deserialize, Serialize};

#[command]
#[derive(Serialize, Deserialize)]
struct Weigh {
    #[key]
    weight: f64,
}

fn main() {}
