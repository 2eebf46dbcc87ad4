use std::fmt;
use std::sync::Arc;

use super::history::{History, Running};
use super::process::Process;
use crate::handler::Context;

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
/// #     .service("accounts", 2, move |node| node.only(move |handler| handler.module() == here))
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
                cx.id(),
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
    process: &Process,
    begin: impl FnOnce() -> Running,
    work: impl Future<Output = T>,
    result: impl FnOnce(&T) -> Result<(), String>,
) -> T {
    process
        .within(async {
            let mut guard = Guard {
                process,
                running: Some(begin()),
            };
            let done = work.await;
            if let Some(running) = guard.running.take() {
                running.end(result(&done));
            }
            done
        })
        .await
}

/// Records the end of an execution that does not come to one by itself.
struct Guard<'a> {
    process: &'a Process,
    running: Option<Running>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        if std::thread::panicking() {
            running.end(Err("it panicked".to_owned()));
        } else if let Some(running) = self.process.keep_late(running) {
            running.interrupt();
        }
    }
}
