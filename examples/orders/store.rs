//! The shelf, the orders and the parcels, as a database would hold them. With `--broker` each process
//! has a store of its own; a real service would have its database here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::messages::{Order, OrderError, PlaceOrder, Status};

/// A cheap clone of one shared store.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    stock: BTreeMap<String, u32>,
    orders: BTreeMap<String, Order>,
    parcels: BTreeMap<String, BTreeSet<u32>>,
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

    /// Packed before: nothing changes.
    pub fn pack(&self, order_id: &str, item: u32) {
        let mut shelf = self.shelf();
        let parcel = shelf.parcels.entry(order_id.to_owned()).or_default();
        parcel.insert(item);
    }

    pub fn parcel(&self, order_id: &str) -> Vec<u32> {
        let shelf = self.shelf();
        let parcel = shelf.parcels.get(order_id);
        parcel.into_iter().flatten().copied().collect()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
