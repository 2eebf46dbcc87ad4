//! What a node knows of its cluster.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::Node;
use crate::cluster::{Members, UnsubscribeError};
use crate::transport::{Durability, Guarantees, TransportError};

impl Node {
    /// What the broker promises of what it stores, as it is set up now: what the receipt of an
    /// [`enqueue`](Self::enqueue) is worth.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    /// use catga::transport::Durability;
    ///
    /// let node = Node::builder("orders").only(|_| false).start().await?;
    /// let guarantees = node.guarantees().await?;
    /// assert_eq!(guarantees.durability, Durability::Memory);
    /// assert!(guarantees.to_string().contains("gone when"));
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn guarantees(&self) -> Result<Guarantees, TransportError> {
        match &self.core.cluster {
            Some(cluster) => {
                let guarantees = cluster.transport.guarantees();
                cluster.limited("tell what it promises", guarantees).await
            }
            None => Ok(Guarantees::new("memory", Durability::Memory, 1)),
        }
    }

    /// The live nodes of the cluster, this one included; without a cluster there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    ///
    /// let start = |id| {
    ///     let node = Node::builder("orders").broker("memory://members").id(id);
    ///     node.metadata("zone", "eu").only(|_| false).start()
    /// };
    /// let (one, two) = (start("one").await?, start("two").await?);
    /// let mut members = one.watch();
    /// members.wait_for(|members| members.len() == 2).await?;
    /// let members = one.members();
    /// let member = members.get("two").unwrap();
    /// assert_eq!((member.id(), member.service()), (two.id(), "orders"));
    /// assert_eq!(member.metadata()["zone"], "eu");
    /// # two.shutdown().await?;
    /// # one.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn members(&self) -> Members {
        self.core
            .cluster
            .as_ref()
            .map(|cluster| cluster.members())
            .unwrap_or_default()
    }

    /// Follows the live nodes of the cluster. The value changes when a node comes, goes, begins to
    /// drain or comes back; without a cluster there are none, and the sender is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    ///
    /// let start = |id| {
    ///     let node = Node::builder("orders").broker("memory://watch").id(id);
    ///     node.only(|_| false).start()
    /// };
    /// let one = start("one").await?;
    /// let mut members = one.watch();
    /// members.mark_unchanged();
    /// let two = start("two").await?;
    /// members.changed().await?;
    /// assert!(members.borrow_and_update().get("two").is_some());
    /// two.shutdown().await?;
    /// members.wait_for(|members| members.get("two").is_none()).await?;
    /// # one.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Members> {
        match &self.core.cluster {
            Some(cluster) => cluster.watch_members(),
            None => watch::Sender::new(Members::default()).subscribe(),
        }
    }

    /// The partitions of its service that this node owns now, with the epoch of each.
    ///
    /// Empty without a cluster, on a node that handles nothing of what is stored, and while no
    /// heartbeat of this node is confirmed. An epoch rises with each new owner;
    /// [`Context::fence`](crate::Context::fence) is for comparing them in a database.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use catga::{Node, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[route(key = "order_id")]
    /// #[derive(Serialize, Deserialize)]
    /// struct Ship { order_id: u32 }
    ///
    /// #[handler]
    /// async fn ship(_: Ship) {}
    ///
    /// # let here = module_path!();
    /// let node = Node::builder("orders")
    ///     .broker("memory://owned")
    ///     .partitions(8)
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// while node.partitions().len() < 8 {
    ///     tokio::time::sleep(Duration::from_millis(1)).await;  // claimed soon after the start
    /// }
    /// assert!(node.partitions().values().all(|epoch| *epoch > 0));
    /// node.shutdown().await?;
    /// assert!(node.partitions().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn partitions(&self) -> BTreeMap<u32, u64> {
        self.core
            .cluster
            .as_ref()
            .map(|cluster| cluster.partitions())
            .unwrap_or_default()
    }

    /// How many answers of other nodes came after their callers had given up.
    ///
    /// Many of them say that timeouts are shorter than the handlers need.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::{Node, Options, SendError, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = ())]
    /// #[derive(Serialize, Deserialize)]
    /// struct Slow;
    ///
    /// #[handler]
    /// async fn slow(_: Slow) {
    ///     std::thread::sleep(Duration::from_millis(100));
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let server = Node::builder("slow")
    ///     .broker("memory://late")
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let client = Node::builder("clients").broker("memory://late").only(|_| false).start().await?;
    /// let hasty = Options::new().timeout(Duration::from_millis(10));
    /// let error = client.with(hasty).send(Slow).await.unwrap_err();
    /// assert!(matches!(error, SendError::Timeout(_)));
    /// while client.late_answers() == 0 {
    ///     tokio::time::sleep(Duration::from_millis(1)).await;
    /// }
    /// # client.shutdown().await?;
    /// # server.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn late_answers(&self) -> u64 {
        self.core.late_answers.load(Ordering::Relaxed)
    }

    /// Ends what a service takes of a message, by its wire name: an event's subscription, or the
    /// right to a command or query, which another service may take from then on. `false` if the
    /// service did not take it, and always without a cluster.
    ///
    /// What a service takes stays when its nodes are down, and when they come back without the
    /// handler: nothing else ends it. Any node may do so, of whatever service. When this returns,
    /// every live node knows: what is sent and published from then on does not go to the service.
    /// What is in its queue by then stays there.
    ///
    /// # Errors
    ///
    /// See [`UnsubscribeError`]; first of all if a live node of the service handles the message.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have done it.
    ///
    #[doc = include_str!("docs/unsubscribe.md")]
    pub async fn unsubscribe(
        &self,
        service: &str,
        message: &str,
    ) -> Result<bool, UnsubscribeError> {
        match &self.core.cluster {
            Some(cluster) => cluster.unsubscribe(service, message).await,
            None => Ok(false),
        }
    }
}
