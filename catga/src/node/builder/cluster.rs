use std::time::Duration;

use super::Builder;
use crate::cluster::Settings;
use crate::node::Broker;
use crate::node::broker::Kind;

impl Builder {
    /// The broker: a URL, or a transport that was made before.
    ///
    /// | URL | the node is |
    /// |---|---|
    /// | none, `memory://` | alone in its process |
    /// | `memory://NAME` | in a cluster with all nodes of this process that have the same name |
    /// | `nats://…`, `tls://…` | in a cluster over NATS; needs the feature `nats` |
    /// | `redis://…`, `rediss://…`, `valkey://…` | in a cluster over Redis or Valkey; needs the feature `redis` |
    ///
    /// All verbs mean the same everywhere: see the guides on [clusters](crate::guide::cluster) and
    /// [brokers](crate::guide::brokers). A URL that this build cannot use, and a server that does not
    /// fit, are errors when the node starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, State, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = String)]
    /// #[derive(Serialize, Deserialize)]
    /// struct Name;
    ///
    /// #[handler]
    /// async fn name(_: Name, State(name): State<String>) -> String {
    ///     name
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let server = Node::builder("names")
    ///     .broker("memory://names")
    ///     .state("server".to_owned())
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let client = Node::builder("clients")
    ///     .broker("memory://names")
    ///     .only(|_| false)
    ///     .start()
    ///     .await?;
    /// assert_eq!(client.send(Name).await?, "server");
    /// client.shutdown().await?;
    /// server.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn broker(mut self, broker: impl Into<Broker>) -> Self {
        self.broker = broker.into();
        self
    }

    /// The node's name, in place of one made from the service's name and chance.
    ///
    /// Letters `a` to `z`, digits and `-`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    ///
    /// let node = Node::builder("orders").id("blue").only(|_| false).start().await?;
    /// assert_eq!(node.id().as_str(), "blue");
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// How often the node says that it lives; 3 seconds by default, at most a third of
    /// [`node_timeout`](Self::node_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::Node;
    ///
    /// let builder = Node::builder("orders").only(|_| false);
    /// let rare = builder.heartbeat(Duration::from_secs(4));        // of a timeout of 10 seconds
    /// let problems = rare.check().unwrap_err();
    /// assert!(problems.to_string().contains("a heartbeat every 4s is too rare"));
    /// assert!(rare.heartbeat(Duration::from_secs(2)).check().is_ok());
    /// ```
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.settings.heartbeat = every;
        self
    }

    /// How long a node without a heartbeat is taken to be alive; 10 seconds by default, 20 over
    /// replicated `JetStream`, whose elections take up to 9, and the same on all nodes.
    ///
    /// A dead node's keys are taken over that long after its last heartbeat. Shorter is faster, and
    /// takes more slow nodes for dead: a node that is, stops what it owns and comes back as a new
    /// one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use catga::Node;
    ///
    /// let start = |id| {
    ///     let node = Node::builder("orders").broker("memory://timeout").id(id);
    ///     node.heartbeat(Duration::from_millis(50))
    ///         .node_timeout(Duration::from_millis(200))
    ///         .only(|_| false)
    ///         .start()
    /// };
    /// let (one, two) = (start("one").await?, start("two").await?);
    /// let mut members = one.watch();
    /// members.wait_for(|members| members.len() == 2).await?;
    /// drop(two);                              // without a word, as when its process dies
    /// members.wait_for(|members| members.len() == 1).await?;
    /// # one.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn node_timeout(mut self, timeout: Duration) -> Self {
        self.node_timeout = Some(timeout);
        self
    }

    /// How many partitions the keys of the service are divided into; 32 by default, at least 1.
    ///
    /// Recorded with the first node of the service: a node that disagrees does not start.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    ///
    /// let builder = || Node::builder("orders").broker("memory://partitions").only(|_| false);
    /// let node = builder().partitions(64).start().await?;
    /// let error = builder().partitions(32).start().await.unwrap_err();
    /// assert!(error.to_string().contains("64 partitions"));
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.settings.partitions = partitions.max(1);
        self
    }

    /// Says something of the node that other nodes and strategies can read; see
    /// [`Node::members`](crate::Node::members).
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Lets programs that know nothing of catga see what this node publishes; off by default.
    ///
    /// Once an event is stored it is also sent as `CloudEvents`: on NATS to the subject
    /// `<namespace>.ev.<topic or type>`, to whoever listens; on Redis to the bounded stream
    /// `<namespace>:ev:<topic or type>`. It costs one more message each, and whether that one arrives is not
    /// known: what must arrive is handled by a service.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::transport::{Memory, Transport as _};
    /// use catga::{Node, event};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct Shipped { order: u32 }
    ///
    /// let memory = Memory::private();
    /// let mut listener = memory.messenger().subscribe("ev.>").await?;
    /// let node = Node::builder("orders").broker(memory).tap(true).only(|_| false).start().await?;
    /// node.publish(Shipped { order: 7 }).await?;
    /// let (subject, frame) = listener.next().await.unwrap();
    /// assert_eq!((subject.as_str(), &frame.payload[..]), ("ev.Shipped", &br#"{"order":7}"#[..]));
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tap(mut self, tap: bool) -> Self {
        self.tap = tap;
        self
    }

    /// Whether this node may attend the front door of its namespace, where programs that know
    /// nothing of catga leave messages; on by default. One node at a time does, of those that handle
    /// something of what is stored: on a node that only sends, or is only asked, this changes
    /// nothing.
    ///
    /// On NATS they publish to the subject `<namespace>.in.<type>`; on Redis they append to the
    /// stream `<namespace>:in`, with the fields `type` and `data`. `ce-id`, `ce-partitionkey` and the
    /// other attributes of `CloudEvents` may be there, as headers or fields. The node stores each
    /// message for the services that take its type, in order; the key of a message that brings none
    /// is read from its JSON. What nobody takes, or cannot be read, is among
    /// [`Node::unclaimed_after`](crate::Node::unclaimed_after).
    pub fn front_door(mut self, attend: bool) -> Self {
        self.front_door = attend;
        self
    }

    /// What was set, and otherwise what the broker needs.
    pub(super) fn settings(&self) -> Settings {
        let proposed = match &self.broker.0 {
            Kind::Transport(transport) => transport.node_timeout(),
            Kind::None | Kind::Unknown(_) => None,
        };
        let node_timeout = self.node_timeout.or(proposed);
        Settings {
            node_timeout: node_timeout.unwrap_or(self.settings.node_timeout),
            ..self.settings
        }
    }
}

#[cfg(all(test, feature = "nats"))]
mod tests {
    use super::*;
    use crate::transport::Nats;

    #[test]
    fn replicated_jetstream_has_time_for_its_elections() {
        let over = |replicas| {
            let nats = Nats::url("nats://127.0.0.1").replicas(replicas);
            Builder::new("orders".into()).broker(nats)
        };
        let timeout = |builder: &Builder| builder.settings().node_timeout.as_secs();
        assert_eq!(timeout(&over(1)), 10);
        assert_eq!(timeout(&over(3)), 20);
        let set = over(3).node_timeout(Duration::from_secs(12));
        assert_eq!(timeout(&set), 12);
        let rare = |builder: Builder| builder.heartbeat(Duration::from_secs(6)).only(|_| false);
        assert!(rare(over(3)).check().is_ok());
        assert!(rare(over(1)).check().is_err());
    }
}
