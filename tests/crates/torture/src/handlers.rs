//! What runs in the node processes: each execution tells the sink that it starts and how it ended.

use std::sync::{Arc, OnceLock};

use catga::{Context, Node, State, handler};

use crate::messages::{Book, Booked, Failure, Fate, Letter, Letters, Tidy};
use crate::sink::{Execution, Sink};

pub const MODULE: &str = module_path!();

/// So many dead letters fit into an answer.
const LETTERS: usize = 500;

/// The node itself, once it has started.
pub type Itself = Arc<OnceLock<Node>>;

#[handler]
async fn book(command: Book, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    run(
        &sink,
        &cx,
        "book",
        command.stream,
        command.number,
        command.fate,
    )
    .await
}

#[handler]
async fn sum(event: Booked, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    run(
        &sink,
        &cx,
        "sum",
        event.stream,
        event.number,
        event.fates[0],
    )
    .await
}

#[handler]
async fn list(event: Booked, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    run(
        &sink,
        &cx,
        "list",
        event.stream,
        event.number,
        event.fates[1],
    )
    .await
}

#[handler]
async fn tidy(command: Tidy, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    run(
        &sink,
        &cx,
        "tidy",
        command.stream,
        command.number,
        command.fate,
    )
    .await
}

#[handler]
async fn letters(query: Letters, State(node): State<Itself>) -> Result<Vec<Letter>, String> {
    let node = node.get().ok_or("it has not started")?;
    let letters = node.dead_letters_after(query.after, LETTERS).await;
    let letters = letters.map_err(|error| error.to_string())?;
    let letter = |letter: &catga::delivery::DeadLetter| Letter {
        number: letter.number(),
        id: letter.id(),
        handler: letter.handler().map(str::to_owned),
        reason: format!("{}: {}", letter.reason(), letter.error_chain().join(": ")),
    };
    Ok(letters.iter().map(letter).collect())
}

async fn run(
    sink: &Sink,
    cx: &Context,
    handler: &str,
    stream: String,
    number: u64,
    fate: Fate,
) -> Result<(), Failure> {
    let execution = Execution {
        process: String::new(),
        handler: handler.to_owned(),
        stream,
        keyed: cx.key().is_some(),
        number,
        attempt: cx.attempt().get(),
        fence: cx.fence(),
    };
    let started = sink.start(execution).await?;
    let result = fate.befall(cx).await;
    started.end(result.is_ok()).await?;
    result
}
