//! What NATS calls a slow consumer. A program that does not take what its client holds for it: the
//! client drops what comes then. A client that does not read what its server sends: the server
//! ends its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use catga::transport::Nats;
use catga::{Node, Options, SendError, event, handler};
use catga_tests::servers::nats::NatsServer;
use catga_tests::servers::proxy::{Flow, Proxy};
use catga_tests::suite::durable::work::{self as durable, At, Put, Sink};
use catga_tests::suite::work::{self as direct, Changed, Here, Log, Nearest};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::site::{each_server, fresh_namespace};

/// How many messages a client holds for each subscription. It reads more than this from its
/// connection at once.
const HELD: usize = 32;

/// How many calls and broadcasts there are at once.
const BURST: u64 = 1_000;

/// The number of a broadcast behind them.
const LATER: u64 = 1_000_000;

/// Nobody's lease ends while a server finds out that a client is slow.
const NODE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many keys there are, and how many messages of each.
const KEYS: u64 = 16;
const EACH: u64 = 25;

/// What a client does not read. Only the node `b` hears it.
#[event(name = "slow_consumer.noise")]
#[derive(Serialize, Deserialize)]
struct Noise {
    text: String,
}

#[handler(broadcast)]
async fn hear(_: Noise) {}

/// What the nodes of a test handled.
#[derive(Default)]
struct Shop {
    log: Log,
    sink: Sink,
}

impl Shop {
    async fn node(&self, nats: Nats, id: &str) -> Node {
        let hears_noise = id == "b";
        Node::builder("shop")
            .id(id)
            .broker(nats)
            .heartbeat(Duration::from_millis(500))
            .node_timeout(NODE_TIMEOUT)
            .state(Here::new(id, &self.log))
            .state(At {
                node: id.to_owned(),
                sink: self.sink.clone(),
            })
            .only(move |handler| match handler.module() {
                durable::MODULE | direct::MODULE => true,
                module_path!() => hears_noise,
                _ => false,
            })
            .start()
            .await
            .unwrap()
    }

    /// Two nodes, of which the second holds few messages, and how often it dropped one.
    async fn with_a_narrow_one(&self, server: &NatsServer) -> (Node, Node, Arc<AtomicUsize>) {
        let namespace = fresh_namespace();
        let nats = Nats::url(&server.url()).namespace(&namespace);
        let a = self.node(nats, "a").await;
        let (client, drops) = narrow(server).await;
        let nats = Nats::from(client).namespace(&namespace);
        (a, self.node(nats, "b").await, drops)
    }

    /// Stores messages of every key.
    async fn enqueue(&self, node: &Node, numbers: std::ops::Range<u64>) {
        let messages = numbers.flat_map(|n| (0..KEYS).map(move |key| Put { key, n, ms: 0 }));
        for stored in node.enqueue_all(messages).await {
            let stored = stored.unwrap();
            assert!(!stored.is_repeated(), "the server answers this node");
        }
    }

    /// Waits until each key's messages up to a number ran: once each, in order and not at the
    /// same time.
    async fn all_ran(&self, count: u64) {
        until("all that was stored ran", || {
            self.sink.len() as u64 >= KEYS * count
        })
        .await;
        for key in 0..KEYS {
            let order: Vec<_> = (0..count).collect();
            assert_eq!(self.sink.of_key(key), order, "of key {key}");
            let times = self.sink.times(key);
            assert!(times.values().all(|times| *times == 1), "{key}: {times:?}");
        }
        assert!(self.sink.overlaps().is_empty());
    }

    /// Calls and broadcasts reach a node.
    async fn serves(&self, caller: &Node, node: &Node) {
        // What calls off the calls that came to nothing may crowd the next ones out.
        let started = Instant::now();
        let options = || Options::new().timeout(Duration::from_secs(1));
        while let Err(error) = caller
            .with(options())
            .send_to(node.id(), Nearest { n: LATER })
            .await
        {
            assert!(started.elapsed() < Duration::from_secs(20), "{error}");
        }
        for n in LATER + 1..LATER + 20 {
            let called = caller.send_to(node.id(), Nearest { n }).await;
            assert_eq!(called.unwrap(), node.id().as_str());
        }
        caller.broadcast(Changed { n: LATER }).await.unwrap();
        let heard = (node.id().as_str().to_owned(), LATER);
        until("it hears a broadcast", || self.log.all().contains(&heard)).await;
    }
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until both nodes own partitions, and together all of them.
async fn all_owned(nodes: [&Node; 2]) {
    until("all partitions are owned", || {
        let owned = nodes.map(|node| node.partitions().len());
        owned[0] > 0 && owned[1] > 0 && owned[0] + owned[1] == 32
    })
    .await;
}

/// A client that holds few messages, and how often it dropped one.
async fn narrow(server: &NatsServer) -> (Client, Arc<AtomicUsize>) {
    let drops = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&drops);
    let options = ConnectOptions::new()
        .subscription_capacity(HELD)
        .event_callback(move |event| {
            if matches!(event, Event::SlowConsumer(_)) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            std::future::ready(())
        });
    (options.connect(server.url()).await.unwrap(), drops)
}

#[tokio::test]
async fn a_call_that_the_client_drops_ends_at_its_deadline_and_nothing_runs_twice() {
    for server in each_server() {
        let shop = Shop::default();
        let (a, b, drops) = shop.with_a_narrow_one(server).await;
        all_owned([&a, &b]).await;

        let before = drops.load(Ordering::Relaxed);
        let deadline = Duration::from_secs(3);
        let calls = (0..BURST).map(|n| {
            let options = Options::new().timeout(deadline);
            a.with(options).send_to(b.id(), Nearest { n })
        });
        let started = Instant::now();
        let answers = join_all(calls).await;
        assert!(started.elapsed() < deadline + Duration::from_secs(2));
        assert!(drops.load(Ordering::Relaxed) > before, "none was dropped");
        let (mut answered, mut silent) = (0, 0);
        let ran = shop.log.by_number();
        for (n, answer) in (0..).zip(answers) {
            let ran = ran.get(&n).copied().unwrap_or_default();
            match answer {
                Ok(node) => {
                    assert_eq!((node.as_str(), ran), ("b", 1), "call {n}");
                    answered += 1;
                }
                // Its answer is not dropped: the other client holds enough.
                Err(SendError::Timeout(_)) => {
                    assert_eq!(ran, 0, "call {n}");
                    silent += 1;
                }
                Err(SendError::Refused(_)) => assert_eq!(ran, 0, "call {n}"),
                Err(other) => panic!("call {n}: {other:?}"),
            }
        }
        assert!(answered > 0 && silent > 0, "{answered} {silent}");
        shop.serves(&a, &b).await;
        for node in [a, b] {
            node.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn broadcasts_that_the_client_drops_are_missed_and_later_ones_heard() {
    for server in each_server() {
        let shop = Shop::default();
        let (a, b, drops) = shop.with_a_narrow_one(server).await;

        let before = drops.load(Ordering::Relaxed);
        let events = (0..BURST).map(|n| a.broadcast(Changed { n }));
        for sent in join_all(events).await {
            sent.unwrap();
        }
        until("some were dropped", || {
            drops.load(Ordering::Relaxed) > before
        })
        .await;
        let heard = |node| shop.log.by_node().get(node).copied().unwrap_or_default();
        until("the other node heard all", || heard("a") as u64 == BURST).await;
        shop.serves(&a, &b).await;
        let mut heard: Vec<_> = shop.log.all();
        heard.retain(|(node, n)| node == "b" && *n < BURST);
        assert!((heard.len() as u64) < BURST, "it missed some");
        let count = heard.len();
        heard.sort();
        heard.dedup();
        assert_eq!(heard.len(), count, "none was heard twice");
        for node in [a, b] {
            node.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn stored_messages_that_the_client_drops_come_again_in_order() {
    join_all(each_server().map(stored_messages_come_again)).await;
}

async fn stored_messages_come_again(server: &NatsServer) {
    let shop = Shop::default();
    let namespace = fresh_namespace();
    let nats = Nats::url(&server.url()).namespace(&namespace);
    let a = shop.node(nats, "a").await;
    let (client, drops) = narrow(server).await;
    let b = shop
        .node(Nats::from(client).namespace(&namespace), "b")
        .await;
    all_owned([&a, &b]).await;

    let before = drops.load(Ordering::Relaxed);
    shop.enqueue(&a, 0..EACH).await;
    shop.all_ran(EACH).await;
    assert!(drops.load(Ordering::Relaxed) > before, "none was dropped");
    assert!(shop.sink.all().iter().any(|ran| ran.node == "b"));
    shop.serves(&a, &b).await;
    for node in [a, b] {
        node.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_its_server_disconnects_as_slow_comes_back_and_misses_nothing_stored() {
    for version in ["2.11", "2.15"] {
        let limits = "write_deadline: \"500ms\"\nmax_pending: 2MB\n";
        let server = NatsServer::with(version, limits);
        let proxy = Proxy::to(server.port()).await;
        let shop = Shop::default();
        let a = shop.node(Nats::url(&server.url()), "a").await;
        let url = format!("nats://127.0.0.1:{}", proxy.port());
        let b = shop.node(Nats::url(&url), "b").await;
        // Has a connection of its own, which the server slows down.
        let loud = Node::builder("loud").broker(Nats::url(&server.url()));
        let loud = loud.only(|_| false).start().await.unwrap();
        all_owned([&a, &b]).await;
        let incarnation = || {
            let members = a.members();
            members.get("b").unwrap().incarnation()
        };
        let before = incarnation();
        shop.enqueue(&a, 0..EACH).await;
        assert!(!server.log().contains("Slow Consumer"));

        proxy.set(Flow::Unread);
        shop.enqueue(&a, EACH..2 * EACH).await;
        // More than what the sockets on the way take.
        let text = "x".repeat(512 * 1_024);
        let started = Instant::now();
        while !server.log().contains("Slow Consumer Detected") {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "it is not slow"
            );
            let noise = Noise { text: text.clone() };
            loud.broadcast(noise).await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
        shop.enqueue(&a, 2 * EACH..3 * EACH).await;
        proxy.set(Flow::Open);

        shop.enqueue(&a, 3 * EACH..4 * EACH).await;
        shop.all_ran(4 * EACH).await;
        shop.serves(&a, &b).await;
        assert_eq!(incarnation(), before, "its lease did not end");
        for node in [loud, a, b] {
            node.shutdown().await.unwrap();
        }
    }
}
