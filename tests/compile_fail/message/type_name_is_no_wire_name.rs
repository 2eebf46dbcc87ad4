use catga::command;
use serde::{Deserialize, Serialize};

#[command]
#[derive(Serialize, Deserialize)]
struct GrößeÄndern {
    size: u32,
}

fn main() {}
