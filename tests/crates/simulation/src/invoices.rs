//! A service that hears what happens in the other.

use catga::testing::Sink;
use catga::{Context, State, handler};

use crate::messages::{Booked, Failure};

pub const MODULE: &str = module_path!();

#[handler]
async fn invoice(event: Booked, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "invoice", event.fate.befall(&cx)).await
}
