//! What moves within a Redis Cluster, and who takes over in it, is followed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catga::transport::{Expect, Frame, RecordKey, Redis, RequestError, Transport};
use catga::{Headers, Node};
use catga_tests::servers::redis::RedisServer;
use catga_tests::servers::redis_cluster::RedisCluster;
use catga_tests::suite::durable::work::{Put, Sink};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::shop::{KEYS, are_well, node, ran_in_order, until};

const SOON: Duration = Duration::from_secs(5);

/// Of everything that a service stores, and of everything that the nodes share.
const SERVICE: &str = "catga:{shop}:queues";
const RECORDS: &str = "catga:{cluster}:version";

/// Two nodes that own everything together. Each has the name of one server.
async fn nodes(cluster: &RedisCluster, named: [usize; 2], sink: &Sink) -> [Node; 2] {
    let nodes = [
        node("a", cluster.url(named[0]), sink).await,
        node("b", cluster.url(named[1]), sink).await,
    ];
    are_well(&nodes).await;
    nodes
}

async fn store(node: &Node, numbers: std::ops::Range<u64>) {
    for n in numbers {
        let key = n % KEYS;
        node.enqueue(Put { key, n, ms: 0 }).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until everything up to a number was handled, of each key in its order and once.
async fn handled(sink: &Sink, through: u64) {
    ran_in_order(through, || sink.all()).await;
}

fn incarnations(nodes: &[Node; 2]) -> Vec<u64> {
    let of = |node: &Node| {
        let members = node.members();
        members
            .get(node.id().as_str())
            .map_or(0, |member| member.incarnation())
    };
    nodes.iter().map(of).collect()
}

#[tokio::test]
async fn a_service_goes_on_while_its_slot_moves() {
    for version in ["7.0", "8.2"] {
        let cluster = Arc::new(RedisCluster::start(version));
        let sink = Sink::default();
        let nodes = nodes(&cluster, [0, 1], &sink).await;
        let before = incarnations(&nodes);
        for round in 0..3 {
            let moving = Arc::clone(&cluster);
            let moved = async {
                sleep(Duration::from_millis(100)).await;
                let to = (moving.holder(SERVICE) + 1) % 3;
                let moved = spawn_blocking(move || moving.move_slot(SERVICE, to));
                moved.await.unwrap();
            };
            tokio::join!(store(&nodes[0], round * 200..round * 200 + 200), moved);
            handled(&sink, round * 200 + 200).await;
        }
        assert_eq!(incarnations(&nodes), before, "nobody was in doubt");
    }
}

#[tokio::test]
async fn a_service_goes_on_after_a_failover() {
    let mut cluster = RedisCluster::with("7.0", &[["cluster-node-timeout", "2000"]]);
    let first = cluster.holder(SERVICE);
    let second = cluster.add_replica(first);
    let mut cluster = Arc::new(cluster);
    let sink = Sink::default();
    let nodes = nodes(&cluster, [first, second], &sink).await;
    // As it is asked for: nothing is lost.
    let failing = Arc::clone(&cluster);
    let failed = async {
        sleep(Duration::from_millis(100)).await;
        spawn_blocking(move || failing.fail_over(second))
            .await
            .unwrap();
    };
    tokio::join!(store(&nodes[0], 0..200), failed);
    handled(&sink, 200).await;
    // As it happens, once the replica has everything: first with connections that break, then
    // with such that stay and bring nothing.
    follows(&cluster, first).await;
    server(&mut cluster, second).process().kill();
    store(&nodes[1], 200..300).await;
    handled(&sink, 300).await;
    server(&mut cluster, second).restart();
    follows(&cluster, second).await;
    server(&mut cluster, first).process().pause();
    store(&nodes[0], 300..400).await;
    handled(&sink, 400).await;
    assert!(cluster.info(second).contains("role:master"));
}

async fn follows(cluster: &RedisCluster, replica: usize) {
    until("the replica has everything", || {
        cluster.info(replica).contains("master_link_status:up")
    })
    .await;
    sleep(Duration::from_millis(500)).await;
}

fn server(cluster: &mut Arc<RedisCluster>, at: usize) -> &mut RedisServer {
    Arc::get_mut(cluster).unwrap().server(at)
}

#[tokio::test]
async fn nodes_are_new_ones_after_a_failover_of_the_records() {
    let mut cluster = RedisCluster::with("7.0", &[["cluster-node-timeout", "2000"]]);
    let first = cluster.holder(RECORDS);
    let second = cluster.add_replica(first);
    let sink = Sink::default();
    let nodes = nodes(&cluster, [0, 1], &sink).await;
    store(&nodes[0], 0..20).await;
    handled(&sink, 20).await;
    follows(&cluster, second).await;
    let before = incarnations(&nodes);
    // Its connections stay, and nothing comes through them.
    cluster.server(first).process().pause();
    until("they are new ones", || {
        let now = incarnations(&nodes);
        now.iter().zip(&before).all(|(now, before)| now > before)
    })
    .await;
    are_well(&nodes).await;
    assert!(cluster.info(second).contains("role:master"));
    store(&nodes[1], 20..40).await;
    handled(&sink, 40).await;
}

#[tokio::test]
async fn a_key_is_followed_at_once() {
    let cluster = RedisCluster::start("7.0");
    let redis = Redis::url(&cluster.url(0));
    redis.connect().await.unwrap();
    let key = RecordKey::Service("shop".into());
    let records = redis.records();
    let mut expect = Expect::Absent;
    for round in 0..4 {
        let value = Bytes::from(format!("{round}"));
        let written = records.write(&key, value.clone(), expect, None).await;
        expect = Expect::Revision(written.unwrap().revision);
        let to = (cluster.holder(RECORDS) + 1) % 3;
        let identity = records.identity().await.unwrap();
        cluster.move_slot(RECORDS, to);
        let found = records.read(&key).await.unwrap().record.unwrap();
        assert_eq!(found.value, value);
        assert_ne!(records.identity().await.unwrap(), identity);
    }
}

fn frame(text: &'static str) -> Frame {
    Frame {
        headers: Headers::new(),
        payload: Bytes::from_static(text.as_bytes()),
    }
}

/// All servers of a cluster carry what is published, and each counts its own listeners alone: what
/// was told to have reached nobody must not arrive.
#[tokio::test]
async fn a_request_that_reached_nobody_was_not_delivered() {
    let cluster = RedisCluster::start("7.0");
    let [here, there] = [0, 1].map(|named| Redis::url(&cluster.url(named)));
    let b = "b".parse().unwrap();
    let ask = || here.messenger().request(&b, frame("ask"), SOON);
    let serve = || there.messenger().serve(&b);
    let mut inbox = serve().await.unwrap();
    let (answer, ()) = tokio::join!(ask(), async {
        inbox.next().await.unwrap().reply(frame("1")).await;
    });
    assert_eq!(answer.unwrap(), frame("1"));
    let to = (cluster.holder(RECORDS) + 1) % 3;
    cluster.move_slot(RECORDS, to);
    // One of them learns of it.
    let key = RecordKey::Service("shop".into());
    there.records().read(&key).await.unwrap();
    assert!(timeout(SOON, inbox.next()).await.unwrap().is_none());
    let mut inbox = serve().await.unwrap();
    assert!(matches!(ask().await, Err(RequestError::NoResponder)));
    let nothing = timeout(Duration::from_millis(500), inbox.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    // Now the other one does.
    here.records().read(&key).await.unwrap();
    let (answer, ()) = tokio::join!(ask(), async {
        inbox.next().await.unwrap().reply(frame("2")).await;
    });
    assert_eq!(answer.unwrap(), frame("2"));
}
