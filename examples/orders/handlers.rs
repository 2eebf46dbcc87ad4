//! What runs.

use catga::{Context, State, handler};

use crate::books::Books;
use crate::messages::{
    CancelOrder, FindOrder, Order, OrderError, OrderPlaced, PlaceOrder, Receipt,
};
use crate::store::Store;

const TEA_CENTS: u64 = 350;

#[handler]
async fn place(
    order: PlaceOrder,
    State(store): State<Store>,
    cx: Context,
) -> Result<Receipt, OrderError> {
    let receipt = Receipt {
        order_id: order.order_id.clone(),
        total_cents: u64::from(order.quantity) * TEA_CENTS,
    };
    store.place(order)?;
    // A child of this message: a retry of the handler publishes the same event, not another.
    cx.publish(OrderPlaced {
        order_id: receipt.order_id.clone(),
        total_cents: receipt.total_cents,
    })
    .await
    .map_err(|_| OrderError::WarehouseAway)?;
    Ok(receipt)
}

#[handler]
async fn cancel(command: CancelOrder, State(store): State<Store>) -> Result<(), OrderError> {
    store.cancel(&command.order_id)
}

#[handler]
fn find(query: FindOrder, State(store): State<Store>) -> Option<Order> {
    store.find(&query.order_id)
}

#[handler]
async fn invoice(event: OrderPlaced, State(books): State<Books>) {
    books.write(format!(
        "invoice for {}: {} cents",
        event.order_id, event.total_cents
    ));
}

/// The courier of the first order comes late: its message is tried again, and only here.
#[handler(retry(max = 3, after = "20ms"))]
async fn ship(event: OrderPlaced, State(books): State<Books>, cx: Context) -> anyhow::Result<()> {
    if event.order_id == "o-1" && cx.attempt().get() == 1 {
        books.write(format!("no courier for {} yet", event.order_id));
        anyhow::bail!("no courier");
    }
    books.write(format!(
        "parcel for {} sent, attempt {}",
        event.order_id,
        cx.attempt()
    ));
    Ok(())
}
