//! What a node does in the moment in which it wakes up too late. The clock is moved by hand.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use catga::transport::{Frame, Memory, Transport};
use catga::{Headers, Node};
use catga_tests::faulty::{Fault, Line};
use catga_tests::suite::durable::work::{Once, Put, Sink};
use catga_tests::suite::durable::{builder_on, node_on_line, only};
use catga_tests::suite::site::{HEARTBEAT, NODE_TIMEOUT, Site, all_owned, until};
use catga_tests::suite::work::{Here, Log, MODULE, Serial};
use futures_util::future::join_all;
use tokio::time::{advance, sleep};

use crate::InMemory;

/// A call as any program may send it.
fn call(number: u64) -> Frame {
    let mut headers = Headers::new();
    for (name, value) in [
        ("ce-source", "elsewhere"),
        ("ce-type", "ByKey"),
        ("ce-partitionkey", "7"),
        ("content-type", "application/json"),
        ("catga-timeout", "60000"),
        ("catga-call", &format!("1-{number}")),
    ] {
        headers.insert(name, value);
    }
    Frame {
        headers,
        payload: Bytes::from_static(br#"{"n":7}"#),
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_for_a_key_meets_the_clock_and_not_a_timer() {
    let memory = Memory::private();
    let log = Log::default();
    let transport: std::sync::Arc<dyn Transport> = std::sync::Arc::new(memory.clone());
    let node = Node::builder("shop")
        .broker(transport)
        .heartbeat(HEARTBEAT)
        .node_timeout(NODE_TIMEOUT)
        .state(Here::new("a", &log))
        .only(|handler| handler.module() == MODULE)
        .start()
        .await
        .unwrap();
    all_owned(std::slice::from_ref(&node), 32).await;
    let ask = |number| {
        let messenger = memory.messenger();
        messenger.request(node.id(), call(number), Duration::from_secs(60))
    };
    let status = |frame: &Frame| {
        let detail = frame.headers.get("catga-detail").unwrap_or_default();
        format!("{} {detail}", frame.headers.get("catga-status").unwrap())
    };
    assert_eq!(status(&ask(1).await.unwrap()), "ok ");

    // It is in the inbox when the process stops for longer than the lease, and is the first thing
    // that the process sees when it goes on.
    let mut asked = pin!(ask(2));
    std::future::poll_fn(|cx| {
        assert!(asked.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    advance(NODE_TIMEOUT).await;
    assert_eq!(status(&asked.await.unwrap()), "refused not_owner");
    assert_eq!(log.len(), 1, "nothing ran");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_turn_meets_the_clock() {
    let site = Site::new(InMemory(Memory::private()));
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    all_owned(std::slice::from_ref(&a), 32).await;
    line.cut();
    // Together they take twice as long as the lease has left.
    let calls = (0..1_000).map(|n| a.send(Serial { key: 1, n }));
    let answers = join_all(calls).await;
    let ran = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((100..500).contains(&ran), "{ran} of 20 ms each");
    assert_eq!(site.log.by_number().len(), ran, "the others did not start");
    let refused = answers[ran..].iter().flat_map(Result::as_ref).count();
    assert_eq!(refused, 0, "one after the other");
}

#[tokio::test(start_paused = true)]
async fn what_has_claimed_its_message_meets_the_clock() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (a, line) = node_on_line(&site, &sink).await;
    let former = a.partitions().into_values().max().unwrap();
    line.set(|rules| rules.writes = Fault::SlowReply(Duration::from_secs(2)));
    let once = Once {
        key: 1,
        n: 1,
        fails: 0,
    };
    a.enqueue(once).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    line.heal();
    // The answer to its claim is what the process sees first when it goes on.
    advance(NODE_TIMEOUT).await;
    until("it ran", 4 * NODE_TIMEOUT, || !sink.is_empty()).await;
    let ran = sink.all();
    assert!(ran.len() == 1 && ran[0].fence > former, "{former}: {ran:?}");
}

/// Nodes of two versions, of which the first does not know `Once`. The heartbeats of the second come
/// that much later.
async fn versions(site: &Site<InMemory>, sink: &Sink, later: Duration) -> [Node; 2] {
    let (old, new) = (site.line("old"), site.line("new"));
    let version = async |line: &Line, id, handlers| {
        let builder = builder_on(line, sink, "shop", id);
        only(builder, handlers).start().await.unwrap()
    };
    let first = version(&old, "old", &["put", "try_it"][..]).await;
    let both = [first, version(&new, "new", &["put", "once"][..]).await];
    all_owned(&both, 32).await;
    new.set(|rules| rules.writes = Fault::Delay(later));
    sleep(HEARTBEAT).await;
    new.heal();
    both
}

fn once(key: u64) -> Once {
    Once {
        key,
        n: 1,
        fails: 0,
    }
}

#[tokio::test(start_paused = true)]
async fn who_stood_still_past_its_lease_calls_no_message_unknown() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let [old, _new] = versions(&site, &sink, Duration::ZERO).await;
    for key in 0..20 {
        old.enqueue(once(key)).await.unwrap();
    }
    sleep(Duration::from_millis(100)).await;
    let waiting = 20 - sink.len();
    assert!(waiting > 0, "some are where nobody knows them");
    // The first that the process sees when it goes on is that nobody else has been heard of since.
    advance(2 * NODE_TIMEOUT).await;
    until("all ran", 12 * NODE_TIMEOUT, || {
        sink.by_handler("once").len() >= 20
    })
    .await;
    let letters = old.dead_letters().await.unwrap();
    assert!(letters.is_empty(), "{waiting} waited: {letters:?}");
}

#[tokio::test(start_paused = true)]
async fn who_stood_still_within_its_lease_calls_no_message_unknown() {
    // Short enough for the lease, and long enough for the others to seem dead, depending on when
    // each of them had its last heartbeat.
    let stall = NODE_TIMEOUT * 85 / 100;
    for later in [800, 1_600, 2_400].map(Duration::from_millis) {
        for offset in (0..3_000).step_by(250) {
            let site = Site::new(InMemory(Memory::private()));
            let sink = Sink::default();
            let [old, _new] = versions(&site, &sink, later).await;
            sleep(2 * NODE_TIMEOUT + Duration::from_millis(offset)).await;
            for key in 0..20 {
                // What is unknown is looked at when the one before it has ended.
                let ms = 8_400;
                old.enqueue(Put { key, n: 0, ms }).await.unwrap();
                old.enqueue(once(key)).await.unwrap();
            }
            sleep(Duration::from_millis(50)).await;
            advance(stall - Duration::from_millis(50)).await;
            sleep(8 * NODE_TIMEOUT).await;
            let letters = old.dead_letters().await.unwrap();
            assert!(letters.is_empty(), "{later:?} {offset}: {letters:?}");
            assert_eq!(sink.by_handler("once").len(), 20, "{later:?} {offset}");
        }
    }
}
