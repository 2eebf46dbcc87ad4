//! The server, or the way to it, is away for a while: nodes go on by themselves afterwards.

use std::time::Duration;

use catga::transport::{Nats, Transport as _};
use catga::{Node, Options};
use catga_tests::servers::nats::{NatsServer, cluster};
use catga_tests::servers::proxy::{Flow, Proxy};
use catga_tests::suite::work::{Changed, Here, Log, MODULE, Nearest};
use catga_tests::texts;
use tokio::time::{Instant, sleep};

use crate::site::{each_server, fresh_namespace};

const HEARTBEAT: Duration = Duration::from_millis(500);
const NODE_TIMEOUT: Duration = Duration::from_secs(3);

async fn node(nats: Nats, id: &str, log: &Log) -> Node {
    let node = Node::builder("shop").id(id).broker(nats);
    node.heartbeat(HEARTBEAT)
        .node_timeout(NODE_TIMEOUT)
        .state(Here::new(id, log))
        .only(|handler| handler.module() == MODULE)
        .start()
        .await
        .unwrap()
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until calls and broadcasts arrive and all keys have an owner.
async fn all_works(nodes: &[Node; 2], log: &Log) {
    let [a, b] = nodes;
    until("all partitions are owned", || {
        let owned = nodes.iter().map(|node| node.partitions().len());
        owned.sum::<usize>() == 32
    })
    .await;
    for (from, to) in [(a, b), (b, a)] {
        let started = Instant::now();
        loop {
            // What is sent into a connection that is gone has no answer.
            let options = Options::new().timeout(Duration::from_secs(1));
            match from.with(options).send_to(to.id(), Nearest { n: 1 }).await {
                Ok(answer) => break assert_eq!(answer, to.id().as_str()),
                Err(error) => assert!(started.elapsed() < Duration::from_secs(20), "{error}"),
            }
        }
    }
    let before = log.len();
    a.broadcast(Changed { n: 2 }).await.unwrap();
    until("both hear a broadcast", || log.len() == before + 2).await;
    assert_eq!(a.members().len(), 2);
}

#[tokio::test]
async fn everything_works_again_after_the_server_was_killed() {
    for version in ["2.11", "2.15"] {
        let mut server = NatsServer::start(version);
        let log = Log::default();
        let nodes = [
            node(Nats::url(&server.url()), "a", &log).await,
            node(Nats::url(&server.url()), "b", &log).await,
        ];
        all_works(&nodes, &log).await;
        for away in [Duration::ZERO, Duration::from_secs(5)] {
            server.process().kill();
            sleep(away).await;
            server.restart();
            all_works(&nodes, &log).await;
        }
        for node in &nodes {
            node.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_costs_no_lease() {
    let [_, server] = each_server();
    let proxy = Proxy::to(server.port()).await;
    let namespace = fresh_namespace();
    let nats = |port: u16| Nats::url(&format!("nats://127.0.0.1:{port}")).namespace(&namespace);
    let log = Log::default();
    let nodes = [
        node(nats(proxy.port()), "a", &log).await,
        node(nats(server.port()), "b", &log).await,
    ];
    all_works(&nodes, &log).await;
    let incarnations = || {
        nodes.each_ref().map(|node| {
            let members = node.members();
            members.get(node.id().as_str()).unwrap().incarnation()
        })
    };
    let before = incarnations();
    for _ in 0..5 {
        proxy.cut();
        sleep(Duration::from_millis(300)).await;
        all_works(&nodes, &log).await;
    }
    assert_eq!(incarnations(), before);
}

#[tokio::test]
async fn a_connection_that_is_silent_is_replaced_and_its_node_comes_back() {
    let [_, server] = each_server();
    let proxy = Proxy::to(server.port()).await;
    let namespace = fresh_namespace();
    let nats = |port: u16| Nats::url(&format!("nats://127.0.0.1:{port}")).namespace(&namespace);
    let log = Log::default();
    let nodes = [
        node(nats(proxy.port()), "a", &log).await,
        node(nats(server.port()), "b", &log).await,
    ];
    all_works(&nodes, &log).await;
    proxy.set(Flow::Held);
    let [a, b] = &nodes;
    until("it is gone for the other", || b.members().len() == 1).await;
    until("it owns nothing", || a.partitions().is_empty()).await;
    until("the other owns all", || b.partitions().len() == 32).await;
    proxy.set(Flow::Open);
    all_works(&nodes, &log).await;
}

#[tokio::test]
async fn a_server_that_stood_still_is_found_again() {
    let mut server = NatsServer::start("2.15");
    let log = Log::default();
    let nodes = [
        node(Nats::url(&server.url()), "a", &log).await,
        node(Nats::url(&server.url()), "b", &log).await,
    ];
    all_works(&nodes, &log).await;
    server.process().pause();
    sleep(2 * NODE_TIMEOUT).await;
    server.process().resume();
    all_works(&nodes, &log).await;
}

#[tokio::test]
async fn a_bucket_in_memory_is_made_anew_after_a_restart() {
    let mut server = NatsServer::start("2.15");
    let nats = || Nats::url(&server.url()).storage(catga::transport::NatsStorage::Memory);
    let log = Log::default();
    let nodes = [node(nats(), "a", &log).await, node(nats(), "b", &log).await];
    all_works(&nodes, &log).await;
    let before = nats().records().identity().await.unwrap();
    server.process().end();
    server.restart();
    all_works(&nodes, &log).await;
    let nats = Nats::url(&server.url()).storage(catga::transport::NatsStorage::Memory);
    assert_ne!(nats.records().identity().await.unwrap(), before);
}

#[tokio::test]
async fn one_of_three_servers_may_fail() {
    let mut servers = cluster("2.15");
    let urls = servers.each_ref().map(NatsServer::url);
    // Its first server is another one for each.
    let nats = |first: usize| {
        let urls = [0, 1, 2].map(|n| urls[(first + n) % 3].as_str());
        Nats::url(&urls.join(",")).replicas(3)
    };
    let started = Instant::now();
    while let Err(error) = nats(0).connect().await {
        let patience = Duration::from_secs(30);
        assert!(started.elapsed() < patience, "{:?}", texts(&error));
        sleep(Duration::from_millis(200)).await;
    }
    let log = Log::default();
    let nodes = [
        node(nats(0), "a", &log).await,
        node(nats(1), "b", &log).await,
    ];
    all_works(&nodes, &log).await;
    for server in &mut servers {
        server.process().kill();
        all_works(&nodes, &log).await;
        server.restart();
        sleep(Duration::from_secs(3)).await;
    }
    all_works(&nodes, &log).await;
}
