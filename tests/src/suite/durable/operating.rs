//! What operators and other programs do with a running cluster.

use std::sync::Arc;
use std::time::Duration;

use catga::delivery::Reason;
use catga::transport::{DOOR, Transport};
use catga::{MessageId, Node, Options};
use tokio::time::sleep;

use super::super::Cluster;
use super::super::site::{NODE_TIMEOUT, Site, all_owned, until};
use super::work::{Once, Put, Sink, Try};
use super::{append, foreign_entry, nodes};
use crate::faulty::{Fault, Lie, Rules};

const SOON: Duration = Duration::from_secs(20);

/// With keys and without.
async fn store_forty(node: &Node) {
    for key in 0..20 {
        node.enqueue(Put { key, n: 0, ms: 0 }).await.unwrap();
        node.enqueue(super::work::Job { n: key, ms: 0 })
            .await
            .unwrap();
    }
}

pub async fn a_paused_service_handles_nothing_until_it_is_resumed<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    a.pause().await.unwrap();
    assert!(a.is_paused() && b.is_paused());
    store_forty(&a).await;
    // What starts meanwhile is paused, too.
    let c = super::builder(&site, &sink, "c").start().await.unwrap();
    assert!(c.is_paused());
    sleep(Duration::from_secs(5)).await;
    assert!(sink.is_empty());
    b.resume().await.unwrap();
    until("all ran", SOON, || sink.len() == 40).await;
    assert!(!a.is_paused() && !c.is_paused());
}

pub async fn a_node_that_reads_anew_starts_nothing_of_a_paused_service<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let (a, line) = super::node_on_line(&site, &sink).await;
    sink.close();
    for n in 0..2 {
        a.enqueue(Put { key: 1, n, ms: 0 }).await.unwrap();
    }
    until("one runs", SOON, || sink.len() == 1).await;
    // It reads anew, and gets no answer for a while.
    line.set(|rules| rules.queues = Fault::Hang);
    site.faults.break_intakes();
    sleep(Duration::from_millis(100)).await;
    a.pause().await.unwrap();
    sink.open();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.len(), 1, "the next of its key waits");
    line.heal();
    a.resume().await.unwrap();
    until("all ran", SOON, || sink.len() == 2).await;
}

pub async fn a_node_that_was_dead_starts_nothing_of_a_paused_service<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let line = site.line("b");
    let a = super::builder(&site, &sink, "a").start().await.unwrap();
    let b = super::builder_on(&line, &sink, "shop", "b");
    let b = b.start().await.unwrap();
    all_owned(&[a.clone(), b.clone()], 32).await;
    line.cut();
    let sees_b = || a.members().get("b").is_some();
    until("it is dead", 3 * NODE_TIMEOUT, || !sees_b()).await;
    for _ in 0..3 {
        a.pause().await.unwrap();
        a.resume().await.unwrap();
    }
    a.pause().await.unwrap();
    store_forty(&a).await;
    // It is back, and is told nothing of what was written meanwhile.
    line.set(|rules| {
        *rules = Rules {
            watch: Fault::Hang,
            ..Rules::default()
        };
    });
    until("it is back", 3 * NODE_TIMEOUT, sees_b).await;
    sleep(NODE_TIMEOUT).await;
    assert!(sink.is_empty(), "{:?}", sink.all());
    // Now it hears of all that was, one after the other.
    line.heal();
    sleep(NODE_TIMEOUT).await;
    assert!(sink.is_empty(), "{:?}", sink.all());
    a.resume().await.unwrap();
    until("all ran", 6 * NODE_TIMEOUT, || sink.len() == 40).await;
    assert!(!b.is_paused());
}

pub async fn pausing_again_waits_for_everybody_as_well<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let line = site.line("b");
    let a = super::builder(&site, &sink, "a").start().await.unwrap();
    let b = super::builder_on(&line, &sink, "shop", "b");
    let b = b.start().await.unwrap();
    line.set(|rules| rules.watch = Fault::Fail);
    for _ in 0..2 {
        let error = a.pause().await.unwrap_err();
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert!(text.contains("`b`"), "{error}: {text}");
    }
    line.heal();
    a.pause().await.unwrap();
    assert!(b.is_paused());
}

pub async fn letters_are_listed_however_slow_the_broker_is<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let line = site.line("a");
    let a = super::builder_on(&line, &sink, "shop", "a");
    let a = a.start().await.unwrap();
    for key in 0..12 {
        let mut command = Try::new(key, 1, 0);
        command.permanent = true;
        a.enqueue(command).await.unwrap();
    }
    super::letters(&a, 12).await;
    let slow = Duration::from_secs(1);
    line.set(|rules| rules.queues = Fault::Delay(slow));
    assert_eq!(a.dead_letters().await.unwrap().len(), 12);
}

pub async fn a_handler_with_dedup_succeeds_once_for_each_id<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    let once = Once {
        key: 1,
        n: 1,
        fails: 1,
    };
    let stored = a.enqueue(once.clone()).await.unwrap();
    until("it succeeded", SOON, || sink.len() == 2).await;
    sleep(Duration::from_millis(500)).await;
    // The same id once more, past what the queue itself would notice.
    let with = || Options::new().id(stored.id());
    let error = b
        .with(with())
        .send(Once {
            fails: 9,
            ..once.clone()
        })
        .await;
    assert!(
        error.is_err(),
        "what succeeded from a queue has no answer to give: {error:?}"
    );
    assert_eq!(sink.len(), 2);
    let id = MessageId::new();
    let twice = Once {
        key: 2,
        n: 5,
        fails: 0,
    };
    for _ in 0..3 {
        let answer = b.with(Options::new().id(id)).send(twice.clone()).await;
        assert_eq!(answer.unwrap(), 6);
    }
    assert_eq!(sink.times(2)[&5], 1);
    assert_eq!(a.send(twice).await.unwrap(), 6);
    assert_eq!(sink.times(2)[&5], 2, "without an id it is another call");
}

/// The attempts of a key's message.
fn attempts(sink: &Sink, n: u64) -> Vec<u32> {
    let ran = sink.all().into_iter().filter(|ran| ran.n == n);
    ran.map(|ran| ran.attempt).collect()
}

pub async fn an_id_that_another_has_claimed_costs_no_attempt<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    sink.close();
    let id = MessageId::new();
    let of = |n, fails| Once { key: 1, n, fails };
    let call = tokio::spawn({
        let node = a.clone();
        async move { node.with(Options::new().id(id)).send(of(1, 0)).await }
    });
    until("the call runs", SOON, || sink.len() == 1).await;
    let stored = a.with(Options::new().id(id)).enqueue(of(2, 1)).await;
    stored.unwrap();
    // Longer than its three attempts would last.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(sink.len(), 1, "two at once");
    call.abort();
    sink.open();
    until("it succeeded", SOON, || attempts(&sink, 2).len() == 2).await;
    assert_eq!(attempts(&sink, 2), [1, 2]);
    assert!(a.dead_letters().await.unwrap().is_empty());
}

pub async fn a_claim_whose_answer_was_lost_is_its_own<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let (a, line) = super::node_on_line(&site, &sink).await;
    line.set(|rules| rules.writes = Fault::LoseReply);
    let once = Once {
        key: 1,
        n: 1,
        fails: 1,
    };
    a.enqueue(once).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    line.heal();
    // Long before the claim would run out.
    until("it succeeded", SOON, || sink.len() == 2).await;
    assert_eq!(attempts(&sink, 1), [1, 2]);
}

pub async fn a_claim_lasts_as_long_as_its_call<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    sink.close();
    let id = MessageId::new();
    let long = move || Options::new().id(id).timeout(Duration::from_secs(300));
    let once = Once {
        key: 1,
        n: 1,
        fails: 0,
    };
    let call = tokio::spawn({
        let (node, once) = (a.clone(), once.clone());
        async move { node.with(long()).send(once).await }
    });
    until("the call runs", SOON, || sink.len() == 1).await;
    // Longer than the timeout of its type.
    sleep(Duration::from_secs(60)).await;
    let busy = a.with(long()).send(once).await;
    assert!(busy.is_err(), "two at once: {busy:?}");
    sink.open();
    assert_eq!(call.await.unwrap().unwrap(), 2);
    assert_eq!(sink.len(), 1);
}

pub async fn what_is_being_claimed_starts_nothing_of_a_paused_service<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let (a, line) = super::node_on_line(&site, &sink).await;
    line.set(|rules| rules.writes = Fault::SlowReply(Duration::from_secs(3)));
    let once = Once {
        key: 1,
        n: 1,
        fails: 0,
    };
    a.enqueue(once).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    line.heal();
    a.pause().await.unwrap();
    assert!(sink.is_empty(), "the answer to its claim is on its way");
    sleep(Duration::from_secs(5)).await;
    assert!(sink.is_empty(), "{:?}", sink.all());
    a.resume().await.unwrap();
    until("it succeeded", SOON, || sink.len() == 1).await;
    assert_eq!(attempts(&sink, 1), [1]);
}

/// What a program leaves at the front door.
async fn leave<C: Cluster>(site: &Site<C>, number: u64, name: &str, payload: &str) {
    leave_over(&*site.cluster.transport(), number, name, payload).await;
}

async fn leave_over(transport: &dyn Transport, number: u64, name: &str, payload: &str) {
    let entry = foreign_entry(name, None, "application/json", payload.as_bytes());
    append(transport, DOOR, 0, number, false, entry).await;
}

pub async fn messages_of_the_front_door_are_handled_in_order<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    let door: Arc<str> = DOOR.into();
    let transport = site.cluster.transport();
    transport.queues().provision(&door, 1).await.unwrap();
    let mut number = 0;
    let mut put = async |n: u64, key: u64| {
        number += 1;
        let payload = format!(r#"{{"key": {key}, "n": {n}, "ms": 0}}"#);
        leave(&site, number, "Put", &payload).await;
    };
    for n in 0..20 {
        put(n, 1).await;
        put(n, 2).await;
    }
    until("all ran", SOON, || sink.len() == 40).await;
    let expected: Vec<u64> = (0..20).collect();
    assert_eq!(sink.of_key(1), expected);
    assert_eq!(sink.of_key(2), expected);
    // Whoever has the door leaves, and another has it.
    a.shutdown().await.unwrap();
    put(20, 1).await;
    until("the other node has the door", 3 * SOON, || sink.len() == 41).await;
    drop(b);
}

pub async fn what_nobody_takes_at_the_front_door_is_kept<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    let door: Arc<str> = DOOR.into();
    let transport = site.cluster.transport();
    transport.queues().provision(&door, 1).await.unwrap();
    leave(&site, 1, "Nobody", "{}").await;
    leave(&site, 2, "Put", r#"{"n": 1}"#).await;
    leave(&site, 3, "Put", r#"{"key": 1, "n": 1, "ms": 0}"#).await;
    until("the good one ran", SOON, || sink.len() == 1).await;
    let mut letters = Vec::new();
    while letters.len() < 2 {
        letters = a.unclaimed_after(0, 10).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(letters[0].reason(), Reason::UnknownType);
    assert_eq!(
        (letters[0].message(), letters[0].payload()),
        ("Nobody", &b"{}"[..])
    );
    assert_eq!(letters[1].reason(), Reason::Unreadable);
    assert!(letters[1].error_chain()[0].contains("`key`"));
    // They are not the service's own, whatever their numbers.
    a.enqueue(Try {
        permanent: true,
        ..Try::new(3, 1, 0)
    })
    .await
    .unwrap();
    super::letters(&a, 1).await;
    assert!(
        a.replay(&letters[0]).await.is_err(),
        "nobody takes it still"
    );
    for letter in &letters {
        assert!(a.discard(letter).await.unwrap());
        assert!(!a.discard(letter).await.unwrap(), "only once");
    }
    assert!(a.unclaimed_after(0, 10).await.unwrap().is_empty());
    assert_eq!(a.dead_letters().await.unwrap().len(), 1);
}

/// Makes the front door, and leaves messages of one key there before anybody attends it.
async fn leave_before<C: Cluster>(site: &Site<C>, payloads: &[&str]) {
    let door: Arc<str> = DOOR.into();
    let transport = site.cluster.transport();
    transport.queues().provision(&door, 1).await.unwrap();
    for (number, payload) in (1..).zip(payloads) {
        leave(site, number, "Put", payload).await;
    }
}

pub async fn the_order_of_the_front_door_outlives_a_full_queue<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let without_key = r#"{"n": 7}"#;
    let put = |n| format!(r#"{{"key": 1, "n": {n}, "ms": 0}}"#);
    leave_before(&site, &[&put(0), without_key, &put(1)]).await;
    // Every second append is refused: this is the first.
    site.faults.lie(Lie::AppendsRefused, 2);
    let other = r#"{"key": 9, "n": 0, "ms": 0}"#;
    leave_over(&*site.line("outside").transport(), 4, "Put", other).await;
    let [_a] = nodes(&site, &sink, ["a"]).await;
    until("it is full", SOON, || {
        site.faults.lies(Lie::AppendsRefused) > 0
    })
    .await;
    site.faults.be_honest();
    until("all ran", 3 * SOON, || sink.len() == 3).await;
    assert_eq!(sink.of_key(1), [0, 1]);
}

pub async fn what_is_lost_on_the_way_from_the_front_door_is_read_again<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let puts: Vec<String> = (0..5)
        .map(|n| format!(r#"{{"key": 1, "n": {n}, "ms": 0}}"#))
        .collect();
    let puts: Vec<&str> = puts.iter().map(String::as_str).collect();
    leave_before(&site, &puts).await;
    site.faults.lie(Lie::MiddleLost, 1);
    let [_a] = nodes(&site, &sink, ["a"]).await;
    until("one is lost", SOON, || {
        site.faults.lies(Lie::MiddleLost) > 0 || sink.len() == 5
    })
    .await;
    site.faults.be_honest();
    until("all ran", 3 * SOON, || sink.len() == 5).await;
    assert_eq!(sink.of_key(1), [0, 1, 2, 3, 4]);
}

pub async fn the_broker_tells_what_it_promises<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    let guarantees = a.guarantees().await.unwrap();
    assert!(guarantees.replicas >= 1);
    assert!(!guarantees.broker.is_empty());
    assert!(guarantees.to_string().contains(&guarantees.broker));
}
