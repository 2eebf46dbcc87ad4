//! The service that most messages are for.

use catga::testing::Sink;
use catga::{Context, State, handler};

use crate::messages::{Book, Booked, Failure, Tidied, Tidy};

pub const MODULE: &str = module_path!();

#[handler]
async fn book(command: Book, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "book", command.fate.befall(&cx)).await
}

#[handler]
async fn tidy(command: Tidy, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "tidy", command.fate.befall(&cx)).await
}

#[handler]
async fn sum(event: Booked, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "sum", event.fate.befall(&cx)).await
}

/// Ends in its first poll.
#[handler]
async fn list(_: Booked, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "list", async { Ok(()) }).await
}

#[handler]
async fn note(event: Tidied, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "note", event.fate.befall(&cx)).await
}
