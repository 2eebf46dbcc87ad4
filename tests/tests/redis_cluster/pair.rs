//! A master and its replica, in no cluster: whichever is the master is followed.

use std::collections::BTreeSet;

use catga::Node;
use catga::transport::Redis;
use catga_tests::servers::redis::RedisServer;
use catga_tests::suite::durable::work::{Put, Sink};
use redis::FromRedisValue;

use crate::shop::{self, KEYS, are_well, ran_in_order, until};
use crate::site::fresh_namespace;

async fn node(id: &str, namespace: &str, urls: String, sink: &Sink) -> Node {
    shop::node(id, Redis::url(&urls).namespace(namespace), sink).await
}

/// Two nodes, each with the servers in another order.
async fn nodes(servers: &[RedisServer; 2], sink: &Sink) -> [Node; 2] {
    let [a, b] = servers.each_ref().map(|server| server.url());
    let namespace = fresh_namespace();
    let nodes = [
        node("a", &namespace, format!("{a},{b}"), sink).await,
        node("b", &namespace, format!("{b},{a}"), sink).await,
    ];
    are_well(&nodes).await;
    nodes
}

fn tell<T: FromRedisValue>(server: &RedisServer, command: &str) -> T {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>());
    let client = redis::Client::open(server.url()).unwrap();
    command
        .query(&mut client.get_connection().unwrap())
        .unwrap()
}

fn follow(replica: &RedisServer, master: &RedisServer) {
    let _: String = tell(replica, &format!("REPLICAOF 127.0.0.1 {}", master.port()));
}

/// Waits until the replica has everything.
async fn followed(replica: &RedisServer, master: &RedisServer) {
    let offset = |server: &RedisServer| {
        let info: String = tell(server, "INFO replication");
        let line = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::to_owned)
        };
        line("slave_repl_offset:").or_else(|| line("master_repl_offset:"))
    };
    until("the replica has everything", || {
        let info: String = tell(replica, "INFO replication");
        info.contains("master_link_status:up") && offset(replica) == offset(master)
    })
    .await;
}

fn promote(replica: &RedisServer) {
    let _: String = tell(replica, "REPLICAOF NO ONE");
}

async fn store(node: &Node, numbers: std::ops::Range<u64>, ms: u64) {
    for n in numbers {
        let key = n % KEYS;
        node.enqueue(Put { key, n, ms }).await.unwrap();
    }
}

/// Waits until everything up to a number was handled, of each key in its order: what was not told
/// to the replica as handled may come again.
async fn handled(sink: &Sink, through: u64) {
    ran_in_order(through, || {
        let mut seen = BTreeSet::new();
        let mut firsts = sink.all();
        firsts.retain(|ran| seen.insert(ran.n));
        firsts
    })
    .await;
}

#[tokio::test]
async fn a_service_goes_on_with_the_replica_that_became_the_master() {
    let first = RedisServer::start("7.0");
    let second = RedisServer::start("7.0");
    follow(&second, &first);
    let mut servers = [first, second];
    followed(&servers[1], &servers[0]).await;
    let sink = Sink::default();
    let nodes = nodes(&servers, &sink).await;
    store(&nodes[0], 0..100, 0).await;
    handled(&sink, 100).await;
    // Much of it waits when the master ends.
    store(&nodes[0], 100..200, 20).await;
    followed(&servers[1], &servers[0]).await;
    servers[0].process().kill();
    promote(&servers[1]);
    store(&nodes[1], 200..300, 0).await;
    handled(&sink, 300).await;
    are_well(&nodes).await;
    // What was the master follows, and becomes it again when the other one says nothing any more.
    servers[0].restart();
    follow(&servers[0], &servers[1]);
    store(&nodes[1], 300..400, 20).await;
    followed(&servers[0], &servers[1]).await;
    servers[1].process().pause();
    promote(&servers[0]);
    store(&nodes[0], 400..500, 0).await;
    handled(&sink, 500).await;
    are_well(&nodes).await;
    servers[1].process().kill();
    for node in nodes {
        node.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_master_that_is_made_a_replica_is_left() {
    let servers = [RedisServer::start("8.2"), RedisServer::start("8.2")];
    follow(&servers[1], &servers[0]);
    followed(&servers[1], &servers[0]).await;
    let sink = Sink::default();
    let nodes = nodes(&servers, &sink).await;
    store(&nodes[0], 0..100, 20).await;
    // As an operator does it, and Redis Sentinel.
    let failover = format!("FAILOVER TO 127.0.0.1 {}", servers[1].port());
    let _: String = tell(&servers[0], &failover);
    store(&nodes[1], 100..200, 0).await;
    handled(&sink, 200).await;
    let info: String = tell(&servers[0], "INFO replication");
    assert!(info.contains("role:slave"), "{info}");
}
