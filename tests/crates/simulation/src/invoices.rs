//! A service that hears what happens in the other.

use catga::testing::Sink;
use catga::{Context, State, handler};

use crate::messages::{Booked, Failure, Fate, Post};

pub const MODULE: &str = module_path!();

#[handler]
async fn invoice(event: Booked, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    let work = async {
        Post::send(&cx, &sink, "invoice", event.account, Fate::Succeed).await?;
        event.fate.befall(&cx).await
    };
    sink.run(&cx, "invoice", work).await
}
