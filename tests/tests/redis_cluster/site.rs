use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use catga::transport::{RecordKey, Redis, Transport};
use catga_tests::contract::Post;
use catga_tests::faulty::Snapshot;
use catga_tests::servers::redis::{RedisServer, connection};
use catga_tests::servers::redis_cluster::RedisCluster;
use catga_tests::suite::Clock;
use redis::aio::MultiplexedConnection;

/// A clock this fast leaves a server time to answer.
const CLOCK: Clock = Clock::Fast(6);

static REDIS_70: LazyLock<RedisServer> = LazyLock::new(|| RedisServer::start("7.0"));
static REDIS_82: LazyLock<RedisServer> = LazyLock::new(|| RedisServer::start("8.2"));

static CLUSTER: LazyLock<RedisCluster> = LazyLock::new(|| RedisCluster::start("7.0"));

/// The servers that all tests share.
pub fn each_server() -> [&'static RedisServer; 2] {
    [&*REDIS_70, &*REDIS_82]
}

/// The Redis Cluster that all tests share.
pub fn cluster() -> &'static RedisCluster {
    &CLUSTER
}

/// A name that no other test has.
pub fn fresh_namespace() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What all tests share.
trait Servers: Sync {
    /// A URL of it.
    fn url(&self) -> String;

    /// The URL of the server that has a key.
    fn url_of(&self, key: &str) -> String;
}

impl Servers for LazyLock<RedisServer> {
    fn url(&self) -> String {
        RedisServer::url(self)
    }

    fn url_of(&self, _: &str) -> String {
        self.url()
    }
}

impl Servers for LazyLock<RedisCluster> {
    /// Any of them leads to the others.
    fn url(&self) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        RedisCluster::url(self, COUNT.fetch_add(1, Ordering::Relaxed) % 3)
    }

    fn url_of(&self, key: &str) -> String {
        RedisCluster::url(self, self.holder(key))
    }
}

/// A namespace of its own on servers that all tests share.
struct Space {
    servers: &'static dyn Servers,
    namespace: String,
}

impl Space {
    fn on(servers: &'static dyn Servers) -> Self {
        Self {
            servers,
            namespace: fresh_namespace(),
        }
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(Redis::url(&self.servers.url()).namespace(&self.namespace))
    }

    /// Past the transport.
    async fn connection_of(&self, key: &str) -> MultiplexedConnection {
        let client = redis::Client::open(self.servers.url_of(key)).unwrap();
        connection(&client).await
    }

    /// Adds to the stream of the door, as anybody may.
    async fn post(&self, post: Post<'_>) -> bool {
        let door = format!("{}:in", self.namespace);
        let mut connection = self.connection_of(&door).await;
        let mut add = redis::cmd("XADD");
        add.arg(door).arg("*");
        if let Some(name) = post.name {
            add.arg("type").arg(name);
        }
        for (name, value) in post.attributes {
            add.arg(name).arg(value);
        }
        add.arg("data").arg(post.data);
        let _: String = add.query_async(&mut connection).await.unwrap();
        true
    }

    /// Versions rise with the clock, so old ones are written past the transport.
    async fn restored(&self, snapshot: &Snapshot) -> Arc<dyn Transport> {
        let key = |what: &str| format!("{}:{{cluster}}:{what}", self.namespace);
        let mut connection = self.connection_of(&key("version")).await;
        let mut writes = redis::pipe();
        for (record_key, record) in snapshot.records() {
            let (hash, name) = match record_key {
                RecordKey::Member(node) => ("member", node.as_str()),
                RecordKey::Service(service) => ("services", &**service),
                RecordKey::Owners(service) => ("owners", &**service),
                other => panic!("{other}"),
            };
            let mut stored = format!("{} ", record.revision.0).into_bytes();
            stored.extend_from_slice(&record.value);
            writes.hset(key(hash), name, stored);
            writes.set(key("version"), record.revision.0);
        }
        if !snapshot.records().is_empty() {
            let _: () = writes.query_async(&mut connection).await.unwrap();
        }
        self.transport()
    }
}

catga_tests::clusters! {
    Space with CLOCK;
    Redis70 on REDIS_70;
    Redis82 on REDIS_82;
    Clustered on CLUSTER;
}
