use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Builder;
use crate::delivery::retry;

impl Builder {
    /// How failed deliveries are repeated where the handler does not say.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::delivery::retry::Policy;
    /// use catga::{Node, event, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct Paid;
    ///
    /// #[handler]
    /// async fn book(_: Paid) -> Result<(), &'static str> {
    ///     Err("the books are closed")
    /// }
    ///
    /// #[handler(retry(max = 3))]
    /// async fn thank(_: Paid) -> Result<(), &'static str> {
    ///     Err("no stamps")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("books")
    ///     .retry(Policy::new(2, Duration::from_millis(1)))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(Paid).await?;
    /// node.shutdown().await?;
    /// let mut attempts: Vec<_> = node
    ///     .dead_letters()
    ///     .await?
    ///     .iter()
    ///     .map(|letter| letter.attempts())
    ///     .collect();
    /// attempts.sort();
    /// assert_eq!(attempts, [2, 3], "of `book`, and of `thank`");
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(mut self, policy: retry::Policy) -> Self {
        self.retry = policy;
        self
    }

    /// How many stored messages a node without a broker holds; 100,000 by default, and 0 means 1.
    ///
    /// When it is full, `enqueue` and `publish` wait until their deadline. In a cluster it is the most
    /// that the node holds of what it reads, once for messages with keys and once for those without,
    /// and never more than eight times [`max_in_flight`](Self::max_in_flight): the rest stays in the
    /// broker. What waits behind others of
    /// its key is held as its place alone, some 200 bytes, and up to a million of these: a node that has
    /// so many reads nothing more until some of them are handled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::node::StoreError;
    /// use catga::{Node, Options, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Work;
    ///
    /// #[handler]
    /// async fn work(_: Work) {
    ///     tokio::time::sleep(Duration::from_millis(20)).await;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .queue_capacity(1)
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue(Work).await?;
    /// let hasty = Options::new().timeout(Duration::from_millis(1));
    /// let refused = node.with(hasty).enqueue(Work).await;
    /// assert!(matches!(refused, Err(StoreError::Full { .. })));
    /// node.enqueue(Work).await?;               // waits for room
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue_capacity(mut self, messages: usize) -> Self {
        self.queue_capacity = messages.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many durable attempts and broadcasts run at once; 1,024 by default, and 0 means 1.
    ///
    /// Without a broker the first attempts of all handlers of one event count as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use catga::{Node, State, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Work;
    ///
    /// #[handler]
    /// async fn work(_: Work, State(running): State<Arc<AtomicUsize>>) {
    ///     assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
    ///     tokio::task::yield_now().await;
    ///     running.fetch_sub(1, Ordering::SeqCst);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .max_in_flight(1)
    ///     .state(Arc::new(AtomicUsize::new(0)))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue_all((0..10).map(|_| Work)).await;
    /// node.shutdown().await?;
    /// assert!(node.dead_letters().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_in_flight(mut self, attempts: usize) -> Self {
        self.max_in_flight = attempts.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long [`Node::shutdown`](crate::Node::shutdown) waits for handlers, and for a broker that is
    /// away; 30 seconds by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::{Node, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Forever;
    ///
    /// #[handler]
    /// async fn forever(_: Forever) {
    ///     std::future::pending::<()>().await;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .drain_timeout(Duration::from_millis(10))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue(Forever).await?;
    /// let unfinished = node.shutdown().await.unwrap_err();
    /// assert_eq!(unfinished.deliveries(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// In how many crashes a stored message may have been running before it is put into the dead
    /// letters, rather than ending one node after the other; 3 by default, at least 1.
    ///
    /// Only what a node had received when it died is counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::Node;
    ///
    /// let builder = Node::builder("orders").max_crashes(2);
    /// # let _ = builder;
    /// ```
    pub fn max_crashes(mut self, crashes: u32) -> Self {
        self.crashes = NonZeroU32::new(crashes).unwrap_or(NonZeroU32::MIN);
        self
    }
}
