//! The shelf and the orders, as a database would hold them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::messages::{Order, OrderError, PlaceOrder, Status};

/// A cheap clone of one shared store.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    stock: BTreeMap<String, u32>,
    orders: BTreeMap<String, Order>,
}

impl Store {
    pub fn stocked<const N: usize>(stock: [(&str, u32); N]) -> Self {
        let store = Self::default();
        store.shelf().stock = stock
            .map(|(sku, count)| (sku.to_owned(), count))
            .into_iter()
            .collect();
        store
    }

    pub fn place(&self, order: PlaceOrder) -> Result<(), OrderError> {
        let mut shelf = self.shelf();
        // Placed before: durable messages may come twice.
        if shelf.orders.contains_key(&order.order_id) {
            return Ok(());
        }
        let left = shelf.stock.get(&order.sku).copied().unwrap_or(0);
        let Some(rest) = left.checked_sub(order.quantity) else {
            return Err(OrderError::SoldOut {
                sku: order.sku,
                left,
            });
        };
        shelf.stock.insert(order.sku.clone(), rest);
        shelf.orders.insert(
            order.order_id.clone(),
            Order {
                order_id: order.order_id,
                sku: order.sku,
                quantity: order.quantity,
                status: Status::Placed,
            },
        );
        Ok(())
    }

    pub fn cancel(&self, order_id: &str) -> Result<(), OrderError> {
        let mut shelf = self.shelf();
        let Some(order) = shelf.orders.get_mut(order_id) else {
            return Err(OrderError::Unknown {
                order_id: order_id.to_owned(),
            });
        };
        if order.status == Status::Placed {
            order.status = Status::Cancelled;
            let (sku, quantity) = (order.sku.clone(), order.quantity);
            *shelf.stock.entry(sku).or_default() += quantity;
        }
        Ok(())
    }

    pub fn find(&self, order_id: &str) -> Option<Order> {
        self.shelf().orders.get(order_id).cloned()
    }

    pub fn orders(&self) -> Vec<Order> {
        self.shelf().orders.values().cloned().collect()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
