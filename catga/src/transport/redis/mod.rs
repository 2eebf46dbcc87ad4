//! Redis 7.0 or later, or Valkey: `redis://…`.
//!
//! | what | where |
//! |---|---|
//! | members, registry, owners | [`records`]: hashes of one hash tag, one script per write |
//! | inboxes, answers, broadcasts | [`messenger`]: channels, nothing stored |
//! | queues, dead letters, the front door, the tap | [`queues`]: streams, one hash tag for each service |
//! | small values of a service | [`marks`]: keys of the same tag |
//!
//! There are two connections for each [`Redis`]: one for commands ([`primary`]), which many
//! callers share, and one for subscriptions ([`link`]). Both are made when they are needed, and
//! again after they broke. Whatever reads a queue waits for entries over a connection of its own
//! ([`separate`]), and takes its [`answer`]s apart itself.
//!
//! Of a Redis Cluster there is one for commands to each primary, and a [`directory`] of who has
//! which keys. [`commands`] go where their keys are.

mod answer;
mod call;
mod check;
mod clock;
mod commands;
mod directory;
mod error;
mod guarantees;
mod link;
mod marks;
mod messenger;
mod names;
mod primary;
mod queues;
mod records;
mod separate;
mod server;
mod slots;
mod wire;

use std::fmt;
use std::sync::Arc;

use super::{BoxFuture, Guarantees, Marks, Messenger, Queues, Records, Transport, TransportError};
use clock::ServerClock;
use commands::Commands;
use link::Link;
use messenger::Post;
use names::Names;
use records::Version;
use server::Server;

/// A Redis server, or Valkey, as the broker.
///
/// A URL that is given to [`Builder::broker`](crate::node::Builder::broker) makes one with the
/// namespace `catga`. Nodes of one namespace see each other; clones share their connections.
///
/// | URL | what |
/// |---|---|
/// | `redis://user:password@host:6379/0` | everything but the host may be left out |
/// | `rediss://…` | the same over TLS; needs the feature `tls` |
/// | `redis+unix:///path?db=0&user=…&pass=…` | a Unix socket |
/// | `redis://a:6379,redis://b:6379` | a master and its replicas: whichever is the master |
///
/// The server must be Redis 7.0 or later, or Valkey, a master, and must not evict keys
/// (`maxmemory-policy noeviction`); a node does not start with another. At its `maxmemory` it
/// refuses new messages, and everything that frees memory goes on. Connections are made again for
/// ever.
///
/// Of several servers the one that says that it is the master is used, and when that fails the one
/// that has become it; where two say so, none is. Who makes a replica the master, an operator or
/// Redis Sentinel, is all the same. The guide on [brokers](crate::guide::brokers#a-master-and-its-replicas)
/// says what may be lost.
///
/// A server in cluster mode leads to its whole Redis Cluster, whose primaries must all be like
/// this: any of them may be named, also a replica, with the database 0. They are reached at the
/// addresses that they announce, with the same user, password and TLS. A service is in one slot,
/// so a cluster spreads services, not partitions; the guide on
/// [brokers](crate::guide::brokers#redis-cluster) says what a failover may lose.
///
/// # Examples
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use catga::Node;
/// use catga::transport::Redis;
///
/// let redis = Redis::url("redis://127.0.0.1:6379").namespace("staging");
/// let node = Node::builder("orders").broker(redis).start().await?;
/// # node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

/// What the clones of a [`Redis`] share.
struct Shared {
    /// One of them is the master.
    servers: Vec<Server>,
    namespace: Box<str>,
    names: Names,
    commands: Arc<Commands>,
    link: Link,
    clock: ServerClock,
    version: Version,
    post: Post,
}

impl Redis {
    /// The server at a URL. Nothing is connected yet; a URL that cannot be used is an error when
    /// a node starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Redis;
    ///
    /// let redis = Redis::url("redis://me:secret@127.0.0.1");
    /// assert!(!format!("{redis:?}").contains("secret"));
    /// ```
    #[must_use]
    pub fn url(url: &str) -> Self {
        Self::new(Server::of_urls(url), names::DEFAULT)
    }

    /// The server of a client that was made elsewhere, with its credentials and its TLS.
    ///
    /// Connections are catga's own; of the client only its settings are used.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Redis;
    ///
    /// let client = redis::Client::open("redis://:secret@127.0.0.1")?;
    /// let redis = Redis::client(&client);
    /// # let _ = redis;
    /// # Ok::<(), redis::RedisError>(())
    /// ```
    #[must_use]
    pub fn client(client: &redis::Client) -> Self {
        Self::new(vec![Server::of_client(client)], names::DEFAULT)
    }

    /// The same server with another namespace: letters `a` to `z`, digits and `-`. Default:
    /// `catga`. Another name is an error when a node starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::transport::Redis;
    ///
    /// let redis = Redis::url("redis://127.0.0.1").namespace("staging");
    /// # let _ = redis;
    /// ```
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        let servers = self.shared.servers.iter().cloned();
        let servers = servers.map(|server| server.with_namespace(namespace));
        Self::new(servers.collect(), namespace)
    }

    fn new(servers: Vec<Server>, namespace: &str) -> Self {
        let database = servers.first().map_or(0, Server::database);
        let names = Names::new(namespace, database);
        let commands = Commands::new(&servers, names.cluster("version"));
        let commands = Arc::new(commands);
        Self {
            shared: Arc::new(Shared {
                names,
                link: Link::new(Arc::clone(&commands)),
                namespace: namespace.into(),
                servers,
                commands,
                clock: ServerClock::default(),
                version: Version::default(),
                post: Post::new(),
            }),
        }
    }
}

impl Transport for Redis {
    fn connect(&self) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(self.shared.check())
    }

    fn records(&self) -> &dyn Records {
        &*self.shared
    }

    fn messenger(&self) -> &dyn Messenger {
        &self.shared
    }

    fn queues(&self) -> &dyn Queues {
        &self.shared
    }

    fn marks(&self) -> &dyn Marks {
        &*self.shared
    }

    fn guarantees(&self) -> BoxFuture<'_, Result<Guarantees, TransportError>> {
        Box::pin(async {
            let promises = self.shared.promises().await;
            promises.map_err(|error| error.when("say what it promises"))
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.servers.iter().map(|server| &server.shown).collect();
        f.debug_struct("Redis")
            .field("servers", &servers)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
