use std::fmt;
use std::sync::Arc;

use super::enqueued::Enqueued;
use super::history::{History, Running};
use super::process::Process;
use super::world::chain;
use crate::handler::Context;
use crate::message::Command;
use crate::node::{StoreError, Stored};

/// Where handlers tell a [`Simulation`](super::Simulation) themselves when they start and end.
///
/// Each node of a simulation has one as its [`State`](crate::State). Handlers need it only in a
/// simulation [`without_layer`](super::Simulation::without_layer); everywhere else the simulation
/// sees them without it, and it does nothing.
///
/// # Examples
///
/// ```
/// use catga::testing::{Faults, Simulation, Sink};
/// use catga::{Context, State, command, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[route(key = "account")]
/// #[derive(Serialize, Deserialize)]
/// struct Book { account: u32 }
///
/// #[handler]
/// async fn book(command: Book, cx: Context, State(sink): State<Sink>) -> Result<(), String> {
///     sink.run(&cx, "book", async move {
///         (command.account < 100).then_some(()).ok_or_else(|| "no such account".to_owned())
///     })
///     .await
/// }
/// # let here = module_path!();
/// # let _ = Simulation::new(1)
/// #     .service("accounts", 2, move |builder| builder.only(move |handler| handler.module() == here))
/// #     .faults(Faults::none());
/// ```
#[derive(Clone)]
pub struct Sink {
    pub(super) history: Arc<History>,
    pub(super) process: Arc<Process>,
    /// Whether handlers tell themselves.
    pub(super) direct: bool,
}

impl Sink {
    /// Runs the work of a handler: tells when it starts and ends, and makes it stand still while
    /// its process does.
    ///
    /// `handler` is the name of its function.
    ///
    /// # Errors
    ///
    /// Those of the work.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the work, and tells so.
    pub async fn run<T, E: fmt::Display>(
        &self,
        cx: &Context,
        handler: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if !self.direct {
            return work.await;
        }
        let begin = || {
            let key = cx.key().map(Arc::from);
            self.history.begin(
                &self.process,
                Enqueued::of(cx.id(), cx.headers()),
                handler,
                key,
                cx.attempt(),
                cx.fence(),
            )
        };
        observed(&self.process, begin, work, |result| {
            result.as_ref().map(drop).map_err(ToString::to_string)
        })
        .await
    }
}

impl Sink {
    /// [`Context::enqueue`], and notes what becomes of it: what a handler stored must be handled,
    /// too.
    ///
    /// # Errors
    ///
    /// Those of the verb.
    ///
    /// # Examples
    ///
    /// See [`caused`](Self::caused).
    pub async fn enqueue<M: Command>(
        &self,
        cx: &Context,
        command: M,
    ) -> Result<Stored, StoreError> {
        let stored = cx.enqueue(command).await;
        let (id, outcome) = match &stored {
            Ok(stored) => (Some(stored.id()), Ok(None)),
            Err(error) => (error.id(), Err(chain(error))),
        };
        if let Some(id) = id {
            // An attempt that was dropped may have stored it at any time before.
            self.history.answered(id, M::info().name(), 0, outcome);
        }
        stored
    }

    /// Tells that the message of this handler was sent by another handler because of `cause`.
    ///
    /// However often that one ran, for one cause there must be one message only.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::testing::Sink;
    /// use catga::node::StoreError;
    /// use catga::{Context, MessageId, State, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Order;
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Bill { order: MessageId }
    ///
    /// #[handler]
    /// async fn order(_: Order, cx: Context, State(sink): State<Sink>) -> Result<(), StoreError> {
    ///     sink.enqueue(&cx, Bill { order: cx.id() }).await?;
    ///     Ok(())
    /// }
    ///
    /// #[handler]
    /// async fn bill(bill: Bill, cx: Context, State(sink): State<Sink>) {
    ///     sink.caused(&cx, format!("order {}", bill.order));
    /// }
    /// ```
    pub fn caused(&self, cx: &Context, cause: impl fmt::Display) {
        self.history.caused(cx.id(), cx.key(), cause.to_string());
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("process", &self.process)
            .field("direct", &self.direct)
            .finish_non_exhaustive()
    }
}

/// Runs a handler while its process runs, and records when it starts and how it ends.
pub(super) async fn observed<T>(
    process: &Arc<Process>,
    begin: impl FnOnce() -> Running,
    work: impl Future<Output = T>,
    result: impl FnOnce(&T) -> Result<(), String>,
) -> T {
    process
        .within(async {
            let mut guard = Guard {
                running: Some(begin()),
            };
            let done = work.await;
            if let Some(running) = guard.running.take()
                && !running.end(result(&done))
            {
                // Its database refused its last write: whatever it does about that, it has not
                // handled its message, and its node is about to hear that it does not own it.
                return std::future::pending().await;
            }
            done
        })
        .await
}

/// Records the end of an execution that does not come to one by itself.
struct Guard {
    running: Option<Running>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        if std::thread::panicking() {
            running.end(Err("it panicked".to_owned()));
        } else {
            running.interrupt();
        }
    }
}
