use std::fmt;
use std::sync::Arc;

use catga::transport::{
    BoxFuture, Guarantees, Marks, Messenger, Queues, Records, Transport, TransportError,
};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Fault, Faults, Rules};

/// One node's line to the broker.
#[derive(Clone)]
pub struct Line {
    pub(super) faults: Arc<Faults>,
    pub(super) name: String,
    pub(super) rules: Arc<watch::Sender<Rules>>,
}

impl Line {
    pub(super) fn new(faults: Arc<Faults>, name: &str) -> Self {
        Self {
            faults,
            name: name.to_owned(),
            rules: Arc::new(watch::Sender::new(Rules::default())),
        }
    }

    /// The line as a transport, for a node's builder.
    #[must_use]
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    /// Changes the faults.
    pub fn set(&self, change: impl FnOnce(&mut Rules)) {
        self.rules.send_modify(change);
    }

    /// Nothing gets through, and nobody is told.
    pub fn cut(&self) {
        self.set(|rules| *rules = Rules::CUT);
    }

    /// No faults from here on; what hung goes on.
    pub fn heal(&self) {
        self.set(|rules| *rules = Rules::default());
    }

    /// Lets an operation begin; says what is to become of it.
    pub(super) async fn pass(&self, of: fn(&Rules) -> Fault) -> Result<Fault, TransportError> {
        let mut rules = self.rules.subscribe();
        let fault = *rules
            .wait_for(|rules| of(rules) != Fault::Hang)
            .await
            .expect("the line is here");
        let fault = of(&fault);
        match fault {
            Fault::Fail => return Err(TransportError::new("do anything", "it is down")),
            Fault::Delay(by) => sleep(by).await,
            Fault::Panic => panic!("as it was told"),
            _ => {}
        }
        Ok(fault)
    }

    /// Does an operation as the fault has it; `error` is what a lost reply looks like.
    pub(super) async fn done<T, E>(
        &self,
        fault: Fault,
        error: fn(TransportError) -> E,
        operation: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        match fault {
            Fault::Late(by) => {
                tokio::spawn(async move {
                    sleep(by).await;
                    operation.await
                });
                Err(error(Self::lost()))
            }
            Fault::LoseReply => {
                let _ = operation.await;
                Err(error(Self::lost()))
            }
            Fault::SlowReply(by) => {
                let done = operation.await;
                sleep(by).await;
                done
            }
            _ => operation.await,
        }
    }

    pub(super) fn lost() -> TransportError {
        TransportError::new("answer", "the reply was lost")
    }
}

impl Transport for Line {
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
            self.pass(|rules| rules.reads).await?;
            self.faults.queues().guarantees().await
        })
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("name", &self.name).finish()
    }
}
