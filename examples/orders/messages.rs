//! What is sent.

use catga::{Fault, command, event, query};
use serde::{Deserialize, Serialize};

/// Takes an order: the same order goes to the same place, one step after the other.
#[command(response = Receipt, error = OrderError)]
#[route(key = "order_id")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlaceOrder {
    pub order_id: String,
    pub sku: String,
    pub quantity: u32,
}

/// Puts the next piece into the parcel of an order.
#[command]
#[route(key = "order_id")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PackItem {
    pub order_id: String,
    pub item: u32,
}

/// Gives the goods back to the shelf.
#[command(error = OrderError)]
#[route(key = "order_id")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelOrder {
    pub order_id: String,
}

/// Asks for an order.
#[query(response = Option<Order>)]
#[route(key = "order_id")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindOrder {
    pub order_id: String,
}

/// An order was placed.
#[event(name = "orders.placed")]
#[route(key = "order_id")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order_id: String,
    pub sku: String,
    pub total_cents: u64,
}

/// What the customer gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    pub order_id: String,
    pub total_cents: u64,
    /// The node that took the order, so that the example can show it.
    pub taken_by: String,
}

/// An order and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub order_id: String,
    pub sku: String,
    pub quantity: u32,
    pub status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Placed,
    Cancelled,
}

/// Why an order is refused; `#[permanent]`: trying again does not help.
#[derive(Debug, thiserror::Error, Fault, Serialize, Deserialize)]
pub enum OrderError {
    #[error("{sku} is sold out, {left} left")]
    #[permanent]
    SoldOut { sku: String, left: u32 },
    #[error("there is no order {order_id}")]
    #[permanent]
    Unknown { order_id: String },
    #[error("the warehouse is away")]
    #[transient(after = "2s", max = 8)]
    WarehouseAway,
}
