use super::Node;
use crate::transport::TransportError;

impl Node {
    /// Lets the service handle nothing of what is stored until [`resume`](Self::resume): on all of
    /// its nodes, and on those that start meanwhile. Messages are stored as before, and calls are
    /// answered.
    ///
    /// What runs goes on to its end. Without a broker it is this node alone.
    ///
    /// A node that was taken for dead when the pause was answered, because it was cut off or stood
    /// still, is not waited for: when it is back it may start messages without a key until its watch
    /// has caught up.
    ///
    /// # Errors
    ///
    /// If the broker does not answer, or a live node does not take note in time. The others may be
    /// paused then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use catga::{Node, State, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Count;
    ///
    /// #[handler]
    /// async fn count(_: Count, State(counted): State<Arc<AtomicU32>>) {
    ///     counted.fetch_add(1, Ordering::Relaxed);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let counted = Arc::new(AtomicU32::new(0));
    /// let node = Node::builder("counters")
    ///     .broker("memory://counters")
    ///     .state(Arc::clone(&counted))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.pause().await?;
    /// assert!(node.is_paused());
    /// node.enqueue(Count).await?;
    /// assert_eq!(counted.load(Ordering::Relaxed), 0);
    /// node.resume().await?;
    /// while counted.load(Ordering::Relaxed) == 0 {
    ///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    /// }
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn pause(&self) -> Result<(), TransportError> {
        self.set_paused(true).await
    }

    /// Lets the service go on after [`pause`](Self::pause).
    ///
    /// # Errors
    ///
    /// As for [`pause`](Self::pause).
    pub async fn resume(&self) -> Result<(), TransportError> {
        self.set_paused(false).await
    }

    /// Whether the service is paused, as this node knows it.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        match &self.core.cluster {
            Some(cluster) => cluster.is_paused(),
            None => self.core.queue.is_paused(),
        }
    }

    async fn set_paused(&self, paused: bool) -> Result<(), TransportError> {
        match &self.core.cluster {
            Some(cluster) => cluster.pause(paused).await,
            None => {
                self.core.queue.pause(paused);
                Ok(())
            }
        }
    }
}
