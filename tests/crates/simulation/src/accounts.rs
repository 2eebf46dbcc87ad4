//! The service that most messages are for.

use catga::handler::HandlerInfo;
use catga::testing::Sink;
use catga::{Context, State, handler};

use crate::messages::{Archive, Book, Booked, Failure, Fate, Freeze, Merge, Post, Tidied, Tidy};

/// What one version of the service knows.
#[derive(Debug, Clone, Copy)]
pub enum Version {
    Whole,
    /// It does not know what the new one has.
    Old,
    /// It does not know any more what the old one had.
    New,
}

impl Version {
    /// That of the lives of nodes in turn, where there are two of them.
    pub const fn of(life: u64) -> Self {
        if life.is_multiple_of(2) {
            Self::Old
        } else {
            Self::New
        }
    }

    pub fn has(self, handler: &HandlerInfo) -> bool {
        let lacks: &[&str] = match self {
            Self::Whole => &[],
            Self::Old => &["merge", "archive"],
            Self::New => &["freeze"],
        };
        handler.module() == module_path!() && !lacks.contains(&handler.name())
    }
}

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

#[handler(dedup = "1h")]
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
async fn freeze(command: Freeze, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "freeze", command.fate.befall(&cx)).await
}

#[handler]
async fn merge(command: Merge, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "merge", command.fate.befall(&cx)).await
}

#[handler]
async fn archive(command: Archive, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "archive", command.fate.befall(&cx)).await
}

#[handler(dedup = "1h")]
async fn note(event: Tidied, cx: Context, State(sink): State<Sink>) -> Result<(), Failure> {
    sink.run(&cx, "note", event.fate.befall(&cx)).await
}
