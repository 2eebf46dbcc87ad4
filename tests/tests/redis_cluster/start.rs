//! Which servers are taken, and what is said of the others.

use std::time::{Duration, Instant};

use catga::Node;
use catga::node::Broker;
use catga::transport::{Redis, Transport};
use catga_tests::servers::proxy::{Flow, Proxy};
use catga_tests::servers::redis::{RedisServer, connection};
use catga_tests::servers::redis_cluster::RedisCluster;
use catga_tests::texts;

use crate::site::{cluster, each_server, fresh_namespace};

/// Why a node does not start, with all sources.
async fn refusal(broker: impl Into<Broker>) -> String {
    let started = Instant::now();
    let node = Node::builder("shop").broker(broker).only(|_| false);
    let error = node.start().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{error}");
    texts(&error).join(": ")
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let server = RedisServer::start("6.2");
    let text = refusal(server.url()).await;
    assert!(
        text.contains("is Redis 6.2.14: catga needs Redis 7.0 or later"),
        "{text}"
    );
    assert!(text.contains(&server.url()), "{text}");
}

#[tokio::test]
async fn a_server_that_evicts_is_refused() {
    for version in ["7.0", "8.2"] {
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let server = RedisServer::with(version, &[["maxmemory-policy", policy]]);
            let text = refusal(server.url()).await;
            assert!(
                text.contains(&format!("has `maxmemory-policy {policy}`")),
                "{text}"
            );
            assert!(text.contains("noeviction"), "it says what to do: {text}");
        }
    }
}

#[tokio::test]
async fn a_replica_is_refused() {
    let [master, _] = each_server();
    let master = format!("127.0.0.1 {}", master.port());
    let server = RedisServer::with("7.0", &[["replicaof", &master]]);
    let text = refusal(server.url()).await;
    assert!(
        text.contains("is a replica; connect to its master"),
        "{text}"
    );
}

#[tokio::test]
async fn of_several_servers_one_is_the_master() {
    let [one, other] = ["7.0", "8.2"].map(RedisServer::start);
    let text = refusal(format!("{},{}", one.url(), other.url())).await;
    assert!(
        text.contains("both are masters: make one the replica of the other"),
        "{text}"
    );
    let master = format!("127.0.0.1 {}", one.port());
    let [first, second] = [(); 2].map(|()| RedisServer::with("7.0", &[["replicaof", &master]]));
    let text = refusal(format!("{},{}", first.url(), second.url())).await;
    assert!(text.contains("none of them is a master"), "{text}");
    let urls = format!("{},{},{}", first.url(), second.url(), one.url());
    Redis::url(&urls).connect().await.unwrap();
    // A cluster is one whatever is named of it.
    let urls = format!("{},{}", cluster().url(1), cluster().url(2));
    Redis::url(&urls).connect().await.unwrap();
}

#[tokio::test]
async fn a_cluster_has_no_other_database() {
    let text = refusal(format!("{}/3", cluster().url(0))).await;
    assert!(
        text.contains("a Redis Cluster has no database 3: leave the number out"),
        "{text}"
    );
    let redis = Redis::url(&format!("{}/0", cluster().url(0))).namespace(&fresh_namespace());
    let node = Node::builder("shop").broker(redis).only(|_| false);
    node.start().await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn each_primary_of_a_cluster_is_looked_at() {
    let mut cluster = RedisCluster::start("7.0");
    let told = |cluster: &RedisCluster| {
        let redis = Redis::url(&cluster.url(0));
        async move { redis.guarantees().await.unwrap().to_string() }
    };
    let text = told(&cluster).await;
    for part in [
        "a cluster of 3 primaries, 1 replica: in memory",
        "it has no replica",
        "`appendonly` is off",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("set up differently"), "{text}");
    let set = async |name: &str, value: &str| {
        let client = redis::Client::open(cluster.url(2)).unwrap();
        let mut connection = connection(&client).await;
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value);
        let () = set.query_async(&mut connection).await.unwrap();
    };
    set("appendonly", "yes").await;
    let text = told(&cluster).await;
    assert!(text.contains("set up differently"), "{text}");
    set("maxmemory-policy", "allkeys-lru").await;
    let text = refusal(cluster.url(0)).await;
    assert!(
        text.contains("has `maxmemory-policy allkeys-lru`"),
        "{text}"
    );
    let port = cluster.server(2).port();
    assert!(text.contains(&format!("127.0.0.1:{port} ")), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_without_credentials() {
    let text = refusal("redis://me:secret@127.0.0.1:1/2").await;
    assert!(
        text.contains("no connection to Redis at redis://…@127.0.0.1:1/2"),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_an_error_in_bounded_time() {
    let [server, _] = each_server();
    let proxy = Proxy::to(server.port()).await;
    proxy.set(Flow::Held);
    let text = refusal(format!("redis://127.0.0.1:{}", proxy.port())).await;
    assert!(text.contains("no answer within 3 s"), "{text}");
}

#[tokio::test]
async fn addresses_and_namespaces_that_cannot_be_are_errors() {
    let text = refusal("redis://host:port").await;
    assert!(text.contains("the URL cannot be read"), "{text}");
    let text = refusal(Redis::url("redis://127.0.0.1").namespace("Not:a:name")).await;
    assert!(text.contains("`Not:a:name` is no name"), "{text}");
}

#[tokio::test]
async fn a_user_a_database_and_a_socket_are_used() {
    let server = RedisServer::with(
        "7.0",
        &[
            ["user", "default off"],
            ["user", "orders on >secret ~* &* +@all"],
        ],
    );
    let text = refusal(server.url()).await;
    assert!(text.contains("NOAUTH"), "{text}");
    let text = refusal(format!("redis://orders:wrong@127.0.0.1:{}", server.port())).await;
    assert!(
        text.contains("WRONGPASS") || text.contains("uthentication"),
        "{text}"
    );
    let socket = server.socket();
    for url in [
        format!("redis://orders:secret@127.0.0.1:{}/3", server.port()),
        format!(
            "redis+unix://{}?db=3&user=orders&pass=secret",
            socket.display()
        ),
    ] {
        let redis = Redis::url(&url).namespace(&fresh_namespace());
        let node = Node::builder("shop").broker(redis).only(|_| false);
        let node = node.start().await.unwrap();
        assert_eq!(node.members().len(), 1);
        node.shutdown().await.unwrap();
    }
    let client = redis::Client::open(format!(
        "unix://{}?db=3&user=orders&pass=secret",
        socket.display()
    ));
    let client = client.unwrap();
    let redis = Redis::client(&client);
    let node = Node::builder("shop").broker(redis).only(|_| false);
    let node = node.start().await.unwrap();
    let mut connection = connection(&client).await;
    let keys: u64 = redis::cmd("DBSIZE")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(keys > 0, "everything is in that database");
    node.shutdown().await.unwrap();
}
