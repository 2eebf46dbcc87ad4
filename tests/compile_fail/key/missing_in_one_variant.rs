use catga::{event, key};
use serde::{Deserialize, Serialize};

#[event]
#[derive(Serialize, Deserialize)]
enum OrderChanged {
    Placed {
        #[key]
        order_id: String,
    },
    Cancelled {
        order_id: String,
    },
}

fn main() {}
