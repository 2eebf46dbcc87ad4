use super::{Node, StoreError, Stored, store};
use crate::delivery::DeadLetter;

impl Node {
    /// The messages whose attempts are used up, oldest first.
    ///
    /// Without a broker they are in the memory of this process: any number of them, each with its
    /// payload, until it is replayed or discarded or the process ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use catga::{Node, State, event, handler};
    /// use catga::delivery::retry::Policy;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct ParcelSent;
    ///
    /// #[handler]
    /// async fn deliver(_: ParcelSent, State(open): State<Arc<AtomicBool>>) -> Result<(), String> {
    ///     if !open.load(Ordering::Relaxed) {
    ///         return Err("the street is closed".into());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let open = Arc::new(AtomicBool::new(false));
    /// let node = Node::builder("parcels")
    ///     .state(Arc::clone(&open))
    ///     .retry(Policy::new(1, std::time::Duration::ZERO))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(ParcelSent).await?;
    /// node.shutdown().await?;                  // after the one attempt that the policy grants
    /// let letters = node.dead_letters();
    /// assert_eq!(letters.len(), 1);
    /// assert_eq!(letters[0].handler().name(), "deliver");
    /// assert_eq!(letters[0].attempts().get(), 1);
    /// assert!(letters[0].error_chain().concat().contains("the street is closed"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.core.queue.dead.list()
    }

    /// Delivers a dead letter again, behind everything that is stored now, to the handler that
    /// failed, with the header `catga-replay`.
    ///
    /// `None` if it was replayed or discarded before.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]; the dead letter is still there then.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have replayed the letter; it is
    /// still there if it has not.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use catga::{Node, State, event, handler};
    /// use catga::delivery::retry::Policy;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct ParcelSent;
    ///
    /// #[handler]
    /// async fn deliver(_: ParcelSent, State(open): State<Arc<AtomicBool>>) -> Result<(), String> {
    ///     if !open.load(Ordering::Relaxed) {
    ///         return Err("the street is closed".into());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let open = Arc::new(AtomicBool::new(false));
    /// let node = Node::builder("parcels")
    ///     .state(Arc::clone(&open))
    ///     .retry(Policy::new(1, std::time::Duration::ZERO))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(ParcelSent).await?;
    /// while node.dead_letters().is_empty() {
    ///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    /// }
    /// open.store(true, Ordering::Relaxed);
    /// for letter in node.dead_letters() {
    ///     assert!(node.replay(&letter).await?.is_some());
    ///     assert!(node.replay(&letter).await?.is_none(), "only once");
    /// }
    /// node.shutdown().await?;
    /// assert!(node.dead_letters().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replay(&self, letter: &DeadLetter) -> Result<Option<Stored>, StoreError> {
        store::replay(&self.core, letter).await
    }

    /// Drops a dead letter for good. `false` if it was replayed or discarded before.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use catga::{Node, State, event, handler};
    /// use catga::delivery::retry::Policy;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct ParcelSent;
    ///
    /// #[handler]
    /// async fn deliver(_: ParcelSent, State(open): State<Arc<AtomicBool>>) -> Result<(), String> {
    ///     if !open.load(Ordering::Relaxed) {
    ///         return Err("the street is closed".into());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let open = Arc::new(AtomicBool::new(false));
    /// let node = Node::builder("parcels")
    ///     .state(Arc::clone(&open))
    ///     .retry(Policy::new(1, std::time::Duration::ZERO))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(ParcelSent).await?;
    /// node.shutdown().await?;
    /// for letter in node.dead_letters() {
    ///     assert!(node.discard(&letter));
    ///     assert!(!node.discard(&letter), "only once");
    /// }
    /// assert!(node.dead_letters().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard(&self, letter: &DeadLetter) -> bool {
        self.core.queue.dead.take(letter.number()).is_some()
    }
}
