//! What runs for the event. Each handler has its own attempts and its own dead letter.

use catga::{Context, State, handler};

use crate::couriers::{Couriers, ShipError};
use crate::journal::Journal;
use crate::messages::OrderPlaced;

#[handler]
async fn invoice(event: OrderPlaced, State(journal): State<Journal>, cx: Context) {
    journal.did(&cx, "invoiced", &event.order_id);
}

#[handler]
async fn ship(
    event: OrderPlaced,
    State(couriers): State<Couriers>,
    State(journal): State<Journal>,
    cx: Context,
) -> Result<(), ShipError> {
    couriers.call(&event.sku, cx.attempt())?;
    journal.did(&cx, "shipped", &event.order_id);
    Ok(())
}
