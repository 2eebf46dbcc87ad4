//! What is open as long as the node is in its cluster: a watch, an inbox, a subscription.

use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use super::state::Cluster;
use crate::telemetry::Chain;
use crate::transport::TransportError;

/// The longest wait is this many doublings of the shortest.
const DOUBLINGS: u32 = 7;

/// Something of the broker that may break, and is opened again.
pub(crate) trait Reopened: Send {
    /// What is attempted, as in "open the inbox".
    const WHAT: &'static str;

    /// What is followed.
    type Open: Send;

    /// Opens it; has a limited time for that.
    fn open(&mut self) -> impl Future<Output = Result<Self::Open, TransportError>> + Send;

    /// Takes what comes until it breaks. Dropped when the node has left.
    fn follow(&mut self, open: Self::Open) -> impl Future<Output = ()> + Send;

    /// It is not open from now on.
    fn broken(&mut self) {}
}

/// Keeps it open until the node has left, with waits that grow while it cannot be opened.
///
/// `first` is one that is open already.
pub(crate) async fn keep_open<R: Reopened>(
    cluster: &Cluster,
    mut reopened: R,
    mut first: Option<R::Open>,
) {
    let mut failures: u32 = 0;
    while !*cluster.stopped.borrow() {
        let opened = match first.take() {
            Some(first) => Ok(first),
            None => cluster.limited(R::WHAT, reopened.open()).await,
        };
        match opened {
            Ok(open) => {
                failures = 0;
                let stopped = std::pin::pin!(cluster.stopped());
                let followed = std::pin::pin!(reopened.follow(open));
                if let Either::Left(_) = select(stopped, followed).await {
                    return;
                }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::warn!(
                    target: "catga",
                    node = %cluster.me,
                    what = R::WHAT,
                    failures,
                    error = %Chain(&error),
                    "cannot be opened; it is tried again"
                );
            }
        }
        reopened.broken();
        let backoff = Duration::from_millis(20) * 2_u32.pow(failures.min(DOUBLINGS));
        let stopped = std::pin::pin!(cluster.stopped());
        select(stopped, std::pin::pin!(sleep(backoff))).await;
    }
}
