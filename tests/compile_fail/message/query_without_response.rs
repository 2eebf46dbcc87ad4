use catga::query;
use serde::{Deserialize, Serialize};

#[query]
#[derive(Serialize, Deserialize)]
struct CountStock {
    sku: String,
}

fn main() {}
