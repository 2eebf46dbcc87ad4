//! The service that most messages are for.

use catga::testing::Sink;
use catga::{Context, State, handler};

use crate::messages::{Book, Booked, Failure, Fate, Post, Tidied, Tidy};

pub const MODULE: &str = module_path!();

#[handler]
async fn book(command: Book, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    let work = async {
        Post::send(&cx, &sink, "book", command.account, command.fate.of_child()).await?;
        command.fate.befall(&cx).await
    };
    sink.run(&cx, "book", work).await
}

#[handler]
async fn tidy(command: Tidy, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    let work = async {
        command.fate.befall(&cx).await?;
        Post::send(&cx, &sink, "tidy", 0, Fate::Succeed).await
    };
    sink.run(&cx, "tidy", work).await
}

#[handler]
async fn post(command: Post, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.caused(&cx, format_args!("{} of {}", command.by, command.parent));
    sink.run(&cx, "post", command.fate.befall(&cx)).await
}

#[handler]
async fn sum(event: Booked, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    let work = async {
        event.fate.befall(&cx).await?;
        Post::send(&cx, &sink, "sum", event.account, Fate::Succeed).await
    };
    sink.run(&cx, "sum", work).await
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
