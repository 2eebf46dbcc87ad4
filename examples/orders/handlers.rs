//! What runs for commands and queries. Durable messages may come twice, so each of these does no
//! harm when it runs again.

use std::time::Duration;

use catga::{Context, State, handler};

use crate::journal::Journal;
use crate::messages::{
    CancelOrder, FindOrder, Order, OrderError, OrderPlaced, PackItem, PlaceOrder, Receipt,
};
use crate::store::Store;

const PIECE_CENTS: u64 = 350;
const PACKING: Duration = Duration::from_millis(40);

#[handler]
async fn place(
    order: PlaceOrder,
    State(store): State<Store>,
    State(journal): State<Journal>,
    cx: Context,
) -> Result<Receipt, OrderError> {
    let placed = OrderPlaced {
        order_id: order.order_id.clone(),
        sku: order.sku.clone(),
        total_cents: u64::from(order.quantity) * PIECE_CENTS,
    };
    store.place(order)?;
    journal.did(&cx, "took", &placed.order_id);
    let receipt = Receipt {
        order_id: placed.order_id.clone(),
        total_cents: placed.total_cents,
        taken_by: cx.node().to_string(),
    };
    // A child of this message: a retry of the handler publishes the same event, not another.
    cx.publish(placed)
        .await
        .map_err(|_| OrderError::WarehouseAway)?;
    Ok(receipt)
}

#[handler]
async fn pack(
    command: PackItem,
    State(store): State<Store>,
    State(journal): State<Journal>,
    cx: Context,
) {
    journal.begins(&cx, &command.order_id, command.item);
    tokio::time::sleep(PACKING).await;
    store.pack(&command.order_id, command.item);
    journal.packed(&cx, &command.order_id, command.item);
}

#[handler]
async fn cancel(command: CancelOrder, State(store): State<Store>) -> Result<(), OrderError> {
    store.cancel(&command.order_id)
}

#[handler]
fn find(query: FindOrder, State(store): State<Store>) -> Option<Order> {
    store.find(&query.order_id)
}
