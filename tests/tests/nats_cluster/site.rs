use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use catga::node::NodeId;
use catga::transport::{Nats, Transport};
use catga_tests::contract::Post;
use catga_tests::faulty::Snapshot;
use catga_tests::servers::nats::NatsServer;
use catga_tests::suite::Clock;

/// A clock this fast leaves a server time to answer.
const CLOCK: Clock = Clock::Fast(6);

static NATS_211: LazyLock<NatsServer> = LazyLock::new(|| NatsServer::start("2.11"));
static NATS_215: LazyLock<NatsServer> = LazyLock::new(|| NatsServer::start("2.15"));

/// The servers that all tests share.
pub fn each_server() -> [&'static NatsServer; 2] {
    [&*NATS_211, &*NATS_215]
}

/// A name that no other test has.
pub fn fresh_namespace() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The name of a node.
pub fn id(name: &str) -> NodeId {
    name.parse().unwrap()
}

/// A namespace of its own on a server that all tests share.
struct Space {
    url: String,
    namespace: String,
}

impl Space {
    fn on(server: &NatsServer) -> Self {
        Self {
            url: server.url(),
            namespace: fresh_namespace(),
        }
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(Nats::url(&self.url).namespace(&self.namespace))
    }

    /// Publishes to the front door as any program may.
    async fn post(&self, post: Post<'_>) -> bool {
        // The subject is the type: there is none without it.
        let Some(name) = post.name else {
            return false;
        };
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in post.attributes.iter().copied() {
            headers.insert(name, value);
        }
        let client = async_nats::connect(&self.url).await.unwrap();
        let subject = format!("{}.in.{name}", self.namespace);
        let data = Bytes::copy_from_slice(post.data);
        let request = async_nats::Request::new().headers(headers).payload(data);
        let stored = client.send_request(subject, request).await.unwrap();
        stored.payload.starts_with(b"{\"stream\"")
    }

    /// A version is the number of a message in the bucket's stream, so what came before is
    /// written past the transport.
    async fn restored(&self, snapshot: &Snapshot) -> Arc<dyn Transport> {
        let transport = self.transport();
        transport.connect().await.unwrap();
        let client = async_nats::connect(&self.url).await.unwrap();
        let subject = |key: &str| format!("$KV.{}_cluster.{key}", self.namespace);
        let mut last = 0;
        for (key, record) in snapshot.records() {
            while last + 1 < record.revision.0 {
                last += 1;
                let written = client.request(subject("burnt"), "".into()).await;
                assert!(written.unwrap().payload.starts_with(b"{\"stream\""));
            }
            let value = record.value.clone();
            let written = client.request(subject(&key.to_string()), value).await;
            let written: serde_json::Value =
                serde_json::from_slice(&written.unwrap().payload).unwrap();
            last = written["seq"].as_u64().unwrap();
            assert_eq!(last, record.revision.0);
        }
        transport
    }
}

catga_tests::clusters! {
    Space with CLOCK;
    Nats211 on NATS_211;
    Nats215 on NATS_215;
}
