use super::{Node, StoreError, Stored, store};
use crate::delivery::DeadLetter;
use crate::transport::TransportError;

impl Node {
    /// The messages that were given up, oldest first: those of the node's service in its cluster.
    ///
    /// Without a broker they are in the memory of this process: any number of them, each with its
    /// payload, until it is replayed or discarded or the process ends.
    ///
    /// All of them are read into memory at once: where there may be many,
    /// [`dead_letters_after`](Self::dead_letters_after) reads page by page.
    ///
    /// # Errors
    ///
    /// If the broker does not answer. Without one there is none.
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
    /// let letters = node.dead_letters().await?;
    /// assert_eq!(letters.len(), 1);
    /// assert!(letters[0].handler().unwrap().ends_with("::deliver"));
    /// assert_eq!(letters[0].attempts(), 1);
    /// assert!(letters[0].error_chain().concat().contains("the street is closed"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, TransportError> {
        self.dead_letters_after(0, usize::MAX).await
    }

    /// The same behind the letter with the number `after`, 0 for the first; at most `limit` of them.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{BoxError, Node};
    ///
    /// async fn discard_all(node: &Node) -> Result<(), BoxError> {
    ///     let mut after = 0;
    ///     loop {
    ///         let page = node.dead_letters_after(after, 100).await?;
    ///         let Some(last) = page.last() else {
    ///             return Ok(());
    ///         };
    ///         after = last.number();
    ///         for letter in &page {
    ///             node.discard(letter).await?;
    ///         }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # let node = Node::builder("parcels").only(|_| false).start().await?;
    /// discard_all(&node).await?;
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn dead_letters_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, TransportError> {
        match &self.core.engine {
            Some(engine) => engine.letters(after, limit).await,
            None => Ok(self.core.queue.dead.list(after, limit)),
        }
    }

    /// Messages of the front door that nobody takes or that cannot be read, behind the one with the
    /// number `after`, 0 for the first, oldest first; at most `limit` of them. See
    /// [`Builder::front_door`](crate::node::Builder::front_door).
    ///
    /// [`replay`](Self::replay) stores such a message for those who take it by then, and
    /// [`discard`](Self::discard) drops it.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    pub async fn unclaimed_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, TransportError> {
        match &self.core.engine {
            Some(engine) => engine.unclaimed(after, limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// Delivers a dead letter again, behind everything that is stored now, to the handler that
    /// failed, with the header `catga-replay`. A letter that is replayed twice, at the same time or
    /// because the first replay ended in an error, is delivered once if two minutes have not passed
    /// in between.
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
    /// while node.dead_letters().await?.is_empty() {
    ///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    /// }
    /// open.store(true, Ordering::Relaxed);
    /// for letter in node.dead_letters().await? {
    ///     assert!(node.replay(&letter).await?.is_some());
    ///     assert!(node.replay(&letter).await?.is_none(), "only once");
    /// }
    /// node.shutdown().await?;
    /// assert!(node.dead_letters().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replay(&self, letter: &DeadLetter) -> Result<Option<Stored>, StoreError> {
        store::replay(&self.core, letter).await
    }

    /// Drops a dead letter for good. `false` if it was replayed or discarded before.
    ///
    /// # Errors
    ///
    /// If the broker does not answer; the letter may be dropped all the same.
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
    /// for letter in node.dead_letters().await? {
    ///     assert!(node.discard(&letter).await?);
    ///     assert!(!node.discard(&letter).await?, "only once");
    /// }
    /// assert!(node.dead_letters().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn discard(&self, letter: &DeadLetter) -> Result<bool, TransportError> {
        match &self.core.engine {
            Some(engine) => engine.discard(letter).await,
            None => Ok(self.core.queue.dead.take(letter.number()).is_some()),
        }
    }
}
