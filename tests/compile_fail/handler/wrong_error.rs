use catga::{command, handler};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("sold out")]
struct SoldOut;

#[command(response = u32, error = SoldOut)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

#[handler]
async fn place(_order: PlaceOrder) -> Result<u32, std::io::Error> {
    Ok(1)
}

fn main() {}
