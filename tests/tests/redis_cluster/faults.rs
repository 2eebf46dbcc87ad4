//! Restarts, cuts and a full memory: the same nodes go on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use catga::transport::{Expect, RecordKey, Redis, Transport};
use catga::{Node, Options, SendError, handler, query};
use catga_tests::servers::proxy::{Flow, Proxy};
use catga_tests::servers::redis::{RedisServer, connection};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::site::{each_server, fresh_namespace};

const HEARTBEAT: Duration = Duration::from_millis(300);
const NODE_TIMEOUT: Duration = Duration::from_secs(3);

#[query(response = u64)]
#[derive(Serialize, Deserialize)]
struct Count {
    which: u64,
}

/// How often a query that must not run did.
static FORBIDDEN: AtomicU64 = AtomicU64::new(0);

#[handler]
async fn count(query: Count) -> u64 {
    if query.which == 13 {
        FORBIDDEN.fetch_add(1, Ordering::SeqCst);
    }
    query.which
}

async fn node(id: &str, url: &str, namespace: &str) -> Node {
    Node::builder("shop")
        .id(id)
        .broker(Redis::url(url).namespace(namespace))
        .heartbeat(HEARTBEAT)
        .node_timeout(NODE_TIMEOUT)
        .only(|handler| handler.module() == module_path!())
        .start()
        .await
        .unwrap()
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is().await {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn asks(from: &Node, to: &Node) -> bool {
    let options = Options::new().timeout(Duration::from_secs(1));
    let answer = from
        .with(options)
        .send_to(to.id(), Count { which: 1 })
        .await;
    answer.is_ok()
}

/// Waits until two nodes see and answer each other and own everything together.
async fn are_well(nodes: &[Node; 2]) {
    until("they own everything", async || {
        let owned = nodes.iter().map(|node| node.partitions().len());
        nodes.iter().all(|node| node.members().len() == 2) && owned.sum::<usize>() == 32
    })
    .await;
    let [a, b] = nodes;
    until("a asks b", async || asks(a, b).await).await;
    until("b asks a", async || asks(b, a).await).await;
}

fn incarnations(nodes: &[Node; 2]) -> [u64; 2] {
    [0, 1].map(|at| {
        let node: &Node = &nodes[at];
        let members = node.members();
        members.get(node.id().as_str()).unwrap().incarnation()
    })
}

#[tokio::test]
async fn nodes_go_on_after_a_restart_of_the_server() {
    for version in ["7.0", "8.2"] {
        // With everything on disk, and with everything lost.
        for settings in [&[["appendonly", "yes"], ["appendfsync", "always"]][..], &[]] {
            let mut server = RedisServer::with(version, settings);
            let namespace = fresh_namespace();
            let nodes = [
                node("a", &server.url(), &namespace).await,
                node("b", &server.url(), &namespace).await,
            ];
            are_well(&nodes).await;
            let before = incarnations(&nodes);
            server.process().kill();
            sleep(Duration::from_millis(500)).await;
            assert_eq!(nodes[0].members().len(), 2, "the last picture stays");
            server.restart();
            until("they are new ones", async || {
                let now = incarnations(&nodes);
                now.iter().zip(before).all(|(now, before)| *now > before)
            })
            .await;
            are_well(&nodes).await;
            for node in nodes {
                node.shutdown().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_loaded_again() {
    for version in ["7.0", "8.2"] {
        let server = RedisServer::start(version);
        let nodes = [
            node("a", &server.url(), "x").await,
            node("b", &server.url(), "x").await,
        ];
        are_well(&nodes).await;
        let before = incarnations(&nodes);
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        for _ in 0..10 {
            let mut flush = redis::cmd("SCRIPT");
            let _: () = flush
                .arg("FLUSH")
                .query_async(&mut connection)
                .await
                .unwrap();
            sleep(HEARTBEAT).await;
        }
        are_well(&nodes).await;
        assert_eq!(incarnations(&nodes), before);
    }
}

#[tokio::test]
async fn everything_deleted_is_a_new_store() {
    for version in ["7.0", "8.2"] {
        let server = RedisServer::start(version);
        let nodes = [
            node("a", &server.url(), "x").await,
            node("b", &server.url(), "x").await,
        ];
        are_well(&nodes).await;
        let before = incarnations(&nodes);
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut connection)
            .await
            .unwrap();
        until("they are new ones", async || {
            let now = incarnations(&nodes);
            now.iter().zip(before).all(|(now, before)| *now > before)
        })
        .await;
        are_well(&nodes).await;
    }
}

#[tokio::test]
async fn cut_connections_stop_nobody() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let proxy = Proxy::to(server.port()).await;
        let url = format!("redis://127.0.0.1:{}", proxy.port());
        let nodes = [
            node("a", &server.url(), &namespace).await,
            node("b", &url, &namespace).await,
        ];
        are_well(&nodes).await;
        let before = incarnations(&nodes);
        let owned = nodes[1].partitions();
        for _ in 0..10 {
            proxy.cut();
            sleep(Duration::from_millis(370)).await;
        }
        are_well(&nodes).await;
        assert_eq!(incarnations(&nodes), before);
        assert_eq!(nodes[1].partitions(), owned);
        // Longer than a node lives without a beat.
        proxy.set(Flow::Cut);
        sleep(NODE_TIMEOUT + Duration::from_secs(2)).await;
        assert!(nodes[1].partitions().is_empty());
        assert_eq!(nodes[0].members().len(), 1);
        proxy.set(Flow::Open);
        are_well(&nodes).await;
        assert_eq!(incarnations(&nodes)[0], before[0]);
        assert!(incarnations(&nodes)[1] > before[1]);
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_replaced() {
    let [server, _] = each_server();
    let namespace = fresh_namespace();
    let proxy = Proxy::to(server.port()).await;
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let nodes = [
        node("a", &server.url(), &namespace).await,
        node("b", &url, &namespace).await,
    ];
    are_well(&nodes).await;
    proxy.set(Flow::Held);
    sleep(NODE_TIMEOUT + Duration::from_secs(3)).await;
    assert!(nodes[1].partitions().is_empty());
    proxy.set(Flow::Open);
    are_well(&nodes).await;
}

#[tokio::test]
async fn a_request_that_arrives_after_its_time_is_not_run() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let proxy = Proxy::to(server.port()).await;
        let url = format!("redis://127.0.0.1:{}", proxy.port());
        let nodes = [
            node("a", &server.url(), &namespace).await,
            node("b", &url, &namespace).await,
        ];
        are_well(&nodes).await;
        let before = FORBIDDEN.load(Ordering::SeqCst);
        proxy.set(Flow::Held);
        let options = Options::new().timeout(Duration::from_millis(400));
        let late = nodes[0]
            .with(options)
            .send_to(nodes[1].id(), Count { which: 13 });
        assert!(matches!(late.await, Err(SendError::Timeout(_))));
        sleep(Duration::from_millis(300)).await;
        proxy.set(Flow::Open);
        are_well(&nodes).await;
        assert_eq!(FORBIDDEN.load(Ordering::SeqCst), before);
    }
}

#[tokio::test]
async fn a_full_memory_stops_no_heartbeat_and_no_claim() {
    for version in ["7.0", "8.2"] {
        let server = RedisServer::start(version);
        let a = node("a", &server.url(), "x").await;
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        let mut limit = redis::cmd("CONFIG");
        limit.arg("SET").arg("maxmemory").arg("1");
        let _: () = limit.query_async(&mut connection).await.unwrap();
        let mut set = redis::cmd("SET");
        let refused: Result<(), _> = set.arg("k").arg("v").query_async(&mut connection).await;
        assert_eq!(refused.unwrap_err().code(), Some("OOM"));
        let before = incarnations(&[a.clone(), a.clone()]);
        let b = node("b", &server.url(), "x").await;
        let nodes = [a, b];
        are_well(&nodes).await;
        sleep(2 * NODE_TIMEOUT).await;
        are_well(&nodes).await;
        assert_eq!(incarnations(&nodes)[0], before[0]);
    }
}

#[tokio::test]
async fn a_paused_server_answers_late_and_nothing_is_written_twice() {
    let mut server = RedisServer::start("7.0");
    let redis = Redis::url(&server.url());
    redis.connect().await.unwrap();
    let key = RecordKey::Service("shop".into());
    let records = redis.records();
    let written = records.write(&key, "1".into(), Expect::Absent, None).await;
    let first = written.unwrap().revision;
    server.process().pause();
    let expect = Expect::Revision(first);
    let lost = records.write(&key, "2".into(), expect, None).await;
    assert!(lost.is_err(), "nobody knows whether it was written");
    server.process().resume();
    let mut again = records.write(&key, "3".into(), expect, None).await;
    while let Err(catga::transport::WriteError::Transport(_)) = again {
        again = records.write(&key, "3".into(), expect, None).await;
    }
    let found = records.read(&key).await.unwrap().record.unwrap();
    match again {
        Ok(written) => assert_eq!(
            (&*found.value, found.revision),
            (&b"3"[..], written.revision)
        ),
        Err(_) => assert_eq!(&*found.value, b"2", "the first one was written after all"),
    }
}
