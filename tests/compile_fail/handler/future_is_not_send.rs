use std::rc::Rc;

use catga::{command, handler};
use serde::{Deserialize, Serialize};

#[command(response = u32)]
#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    order_id: String,
}

#[handler]
async fn place(order: PlaceOrder) -> u32 {
    let count = Rc::new(order.order_id.len());
    std::future::ready(()).await;
    u32::try_from(*count).unwrap_or(u32::MAX)
}

fn main() {}
