//! The line from one node to the broker: a transport on which things go wrong.

mod intake;
mod marks;
mod messenger;
mod queues;
mod records;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::broker::Broker;
use super::fate::Fate;
use super::faults::Disturbance;
use super::process::Process;
use crate::transport::{
    BoxFuture, Guarantees, Marks, Messenger, Queues, Records, Transport, TransportError,
};

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) broker: Arc<Broker>,
    pub(super) process: Arc<Process>,
}

impl Line {
    /// Carries an operation to the broker and its reply back, as far as they get. It may be done
    /// late, or again.
    async fn carry<T, E>(
        &self,
        what: &'static str,
        failed: fn(TransportError) -> E,
        operation: impl Fn() -> BoxFuture<'static, Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.set_out().await.map_err(failed)?;
        let done = match self.fate(what) {
            Fate::Failed => return Err(failed(TransportError::new(what, "it failed"))),
            Fate::Late(by) => {
                afterwards(by, operation());
                return Err(failed(lost()));
            }
            Fate::Lost => {
                drop(operation().await);
                return Err(failed(lost()));
            }
            Fate::Twice(by) => {
                let done = operation().await;
                afterwards(by, operation());
                done
            }
            Fate::Held(by) => {
                let held = operation();
                // It is on its way, and arrives although nobody may wait for it any more.
                let held = tokio::spawn(async move {
                    sleep(by).await;
                    held.await
                });
                held.await.map_err(|_| failed(lost()))?
            }
            Fate::Slow(by) => {
                let done = operation().await;
                sleep(by).await;
                done
            }
            Fate::Done => operation().await,
        };
        self.come_back().await.map_err(failed)?;
        done
    }

    /// The same of an operation that no broker does late or again.
    async fn carry_once<T>(
        &self,
        what: &'static str,
        operation: impl Future<Output = Result<T, TransportError>> + Send,
    ) -> Result<T, TransportError> {
        self.set_out().await?;
        let done = match self.fate(what) {
            Fate::Failed => return Err(TransportError::new(what, "it failed")),
            Fate::Late(_) | Fate::Lost => {
                drop(operation.await);
                return Err(lost());
            }
            Fate::Slow(by) => {
                let done = operation.await;
                sleep(by).await;
                done
            }
            Fate::Held(by) => {
                sleep(by).await;
                operation.await
            }
            Fate::Twice(_) | Fate::Done => operation.await,
        };
        self.come_back().await?;
        done
    }

    async fn set_out(&self) -> Result<(), TransportError> {
        self.process.reachable().await?;
        self.broker.way().await;
        self.process.reachable().await
    }

    /// A reply that finds the connection closed is lost.
    async fn come_back(&self) -> Result<(), TransportError> {
        self.broker.way().await;
        self.process.reachable().await
    }

    fn fate(&self, what: &str) -> Fate {
        self.broker
            .fate(Disturbance::Replies, Fate::of_operation, what)
    }
}

/// Does an operation that nobody waits for any more.
fn afterwards<T: Send + 'static>(by: Duration, operation: BoxFuture<'static, T>) {
    tokio::spawn(async move {
        sleep(by).await;
        drop(operation.await);
    });
}

fn lost() -> TransportError {
    TransportError::new("answer", "the reply was lost")
}

impl Transport for Line {
    fn connect(&self) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(self.process.reachable())
    }

    fn records(&self) -> &dyn Records {
        self
    }

    fn messenger(&self) -> &dyn Messenger {
        self
    }

    fn queues(&self) -> &dyn Queues {
        self
    }

    fn marks(&self) -> &dyn Marks {
        self
    }

    fn guarantees(&self) -> BoxFuture<'_, Result<Guarantees, TransportError>> {
        Box::pin(async move {
            self.process.reachable().await?;
            self.broker.memory().guarantees().await
        })
    }
}
