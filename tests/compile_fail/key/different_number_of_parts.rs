use catga::{event, key};
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
enum OrderChanged {
    Placed(#[key] String, u32),
    Cancelled(#[key] String, #[key] u32),
}

fn main() {}
