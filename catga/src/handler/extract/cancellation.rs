use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Finished,
    Cancelled,
}

/// Tells tasks that a handler spawned when its execution was cancelled.
///
/// An execution is cancelled when it stops before its end: the caller dropped the `send`, the
/// deadline passed, the node stopped, or the handler panicked. One that returns is not, with an
/// error neither.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use catga::{Context, Node, Options, State, command, handler};
/// use serde::{Deserialize, Serialize};
/// use tokio::sync::Notify;
///
/// #[command]
/// #[derive(Serialize, Deserialize)]
/// struct Upload;
///
/// #[handler]
/// async fn upload(_: Upload, State(stopped): State<Arc<Notify>>, cx: Context) {
///     let cancellation = cx.cancellation();
///     let uploading = tokio::spawn(async move {
///         cancellation.cancelled().await;      // beside the work, in a `select!`
///         stopped.notify_one();
///     });
///     uploading.await.unwrap();
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let stopped = Arc::new(Notify::new());
/// let node = Node::builder("uploads")
///     .state(Arc::clone(&stopped))
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// let hasty = Options::new().timeout(Duration::from_millis(10));
/// node.with(hasty).send(Upload).await.unwrap_err();
/// stopped.notified().await;
/// node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cancellation(watch::Receiver<Phase>);

impl Cancellation {
    /// Whether the execution was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow() == Phase::Cancelled
    }

    /// Waits until the execution is cancelled; for ever if it ends by itself.
    ///
    /// Cancel safe.
    pub async fn cancelled(&self) {
        let mut phase = self.0.clone();
        if phase
            .wait_for(|phase| *phase == Phase::Cancelled)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}

/// Kept by whoever drives the execution: dropping it cancels, unless it was finished.
#[derive(Debug)]
pub(crate) struct CancelSource(watch::Sender<Phase>);

impl CancelSource {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }

    pub(crate) fn cancellation(&self) -> Cancellation {
        Cancellation(self.0.subscribe())
    }

    pub(crate) fn finish(&self) {
        self.0.send_replace(Phase::Finished);
    }
}

impl Drop for CancelSource {
    fn drop(&mut self) {
        self.0.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                *phase = Phase::Cancelled;
            }
            running
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_source_cancels() {
        let source = CancelSource::new();
        let cancellation = source.cancellation();
        assert!(!cancellation.is_cancelled());
        drop(source);
        cancellation.cancelled().await;
        assert!(cancellation.is_cancelled());
    }

    #[tokio::test]
    async fn a_finished_source_does_not_cancel() {
        let source = CancelSource::new();
        let cancellation = source.cancellation();
        source.finish();
        drop(source);
        assert!(!cancellation.is_cancelled());
        let waited = futures_util::FutureExt::now_or_never(cancellation.cancelled());
        assert!(waited.is_none());
    }
}
