use catga::query;
use serde::{Deserialize, Serialize};

#[query(response = u64, idempotent)]
#[derive(Serialize, Deserialize)]
struct CountStock {
    sku: String,
}

fn main() {}
