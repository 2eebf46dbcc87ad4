//! Room for payloads: what waits for long takes none from what could run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use catga::node::Builder;
use catga::transport::Memory;
use catga::{Node, State, command, event, handler};
use catga_tests::faulty::Line;
use catga_tests::suite::durable::work::{Put, Sink, Try};
use catga_tests::suite::durable::{builder, node_with};
use catga_tests::suite::site::{HEARTBEAT, Site, all_owned, until};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::InMemory;

const MOMENT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(20);

/// A database that is away at first, and then takes a while for everything.
#[derive(Debug, Clone, Default)]
struct Database(Arc<Answers>);

#[derive(Debug, Default)]
struct Answers {
    is_there: AtomicBool,
    given: AtomicUsize,
}

impl Database {
    fn given(&self) -> usize {
        self.0.given.load(Ordering::SeqCst)
    }
}

#[derive(Debug, thiserror::Error, catga::Fault)]
#[error("the database is away")]
#[transient(after = "2s", max = 1000)]
struct Away;

#[command]
#[route(key = "key")]
#[derive(Debug, Serialize, Deserialize)]
struct Look {
    key: u64,
}

#[handler]
async fn look(_: Look, State(database): State<Database>) -> Result<(), Away> {
    if !database.0.is_there.load(Ordering::SeqCst) {
        return Err(Away);
    }
    sleep(2 * MOMENT).await;
    database.0.given.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

#[event]
#[derive(Debug, Serialize, Deserialize)]
struct Unkeyed;

#[handler]
async fn fails(_: Unkeyed) -> Result<(), Away> {
    Err(Away)
}

fn own(line: &Line, database: &Database) -> Builder {
    Node::builder("shop")
        .id("a")
        .broker(line.transport())
        .state(database.clone())
        .only(|handler| handler.module() == module_path!())
}

#[tokio::test(start_paused = true)]
async fn what_is_fetched_again_is_not_more_than_a_node_holds() {
    let site = Site::new(InMemory(Memory::private()));
    let database = Database::default();
    let a = own(&site.line("a"), &database).max_in_flight(4);
    let a = a.start().await.unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    for _ in 0..20 {
        for stored in a.enqueue_all((0..200).map(|key| Look { key })).await {
            stored.unwrap();
        }
    }
    sleep(Duration::from_secs(120)).await;
    database.0.is_there.store(true, Ordering::SeqCst);
    let (mut most, room) = (0, 8 * 4);
    while database.given() < 20 * 200 {
        sleep(MOMENT).await;
        most = most.max(site.faults.fetched_in_hand());
    }
    assert!(most <= 3 * room, "{most} payloads at once");
}

#[tokio::test(start_paused = true)]
async fn unkeyed_messages_that_wait_for_another_attempt_hold_up_no_keys() {
    let site = Site::new(InMemory(Memory::private()));
    let database = Database::default();
    database.0.is_there.store(true, Ordering::SeqCst);
    let a = own(&site.line("a"), &database).queue_capacity(4);
    let a = a.start().await.unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    for _ in 0..5 {
        a.publish(Unkeyed).await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    for key in 0..8 {
        let given = database.given();
        a.enqueue(Look { key }).await.unwrap();
        until("it ran", LONG, || database.given() > given).await;
    }
}

/// Where a key is, of 32 partitions.
fn partition(key: u64) -> u32 {
    let hash = key.to_string().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % 32
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_to_be_given_away_holds_up_no_other() {
    hold_up(4).await;
}

async fn hold_up(room: usize) {
    let stays = {
        let site = Site::new(InMemory(Memory::private()));
        let sink = Sink::default();
        let (a, _) = node_with(&site, &sink, |builder| builder).await;
        let b = builder(&site, &sink, "b").start().await.unwrap();
        all_owned(&[a.clone(), b], 32).await;
        a.partitions()
    };
    let stays = |key: &u64| stays.contains_key(&partition(*key));
    let other = (0..).find(stays).unwrap();
    let moving = (0_u64..).find(|key| !stays(key)).unwrap();
    let moves: Vec<u64> = (moving + 1..)
        .filter(|key| partition(*key) == partition(moving))
        .take(8)
        .collect();

    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (a, _) = node_with(&site, &sink, |builder| {
        builder
            .queue_capacity(room)
            .drain_timeout(Duration::from_secs(25))
    })
    .await;
    sink.close();
    a.enqueue(Put {
        key: moving,
        n: 0,
        ms: 0,
    })
    .await
    .unwrap();
    until("it runs", HEARTBEAT, || sink.len() == 1).await;
    let b = builder(&site, &sink, "b").start().await.unwrap();
    until("all others have moved", 3 * HEARTBEAT, || {
        b.partitions().len() == 15
    })
    .await;
    for key in moves {
        a.enqueue(Try::new(key, 0, 0)).await.unwrap();
    }
    sleep(MOMENT).await;
    a.enqueue(Try::new(other, 0, 0)).await.unwrap();
    until("another partition goes on", Duration::from_secs(10), || {
        !sink.of_key(other).is_empty()
    })
    .await;
}
