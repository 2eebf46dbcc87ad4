use std::time::Duration;

use catga::node::Refusal;
use catga::{Node, Options, SendError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::site::{NODE_TIMEOUT, SERVICE, Site, all_owned, client_of};
use super::work::{ByKey, Fails, InTurn, Slow};
use crate::faulty::Fault;

pub async fn nodes_come_and_go_and_every_request_runs_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let fixed = site.node("a").await;
    let client = client_of(&site, "client").start().await.unwrap();
    all_owned(std::slice::from_ref(&fixed), 32).await;
    let load: Vec<JoinHandle<()>> = (0..8)
        .map(|worker| {
            let from = if worker % 2 == 0 { &fixed } else { &client }.clone();
            tokio::spawn(async move {
                for turn in 0..400_u64 {
                    let n = worker * 10_000 + turn;
                    match n % 3 {
                        0 => from.send(InTurn { n }).await.unwrap(),
                        1 => from.send(ByKey { n }).await.unwrap(),
                        _ => from.send(Slow { n, ms: 7 }).await.unwrap(),
                    };
                    sleep(Duration::from_millis(25)).await;
                }
            })
        })
        .collect();
    for id in ["b", "c", "d"] {
        let node = site.node(id).await;
        sleep(Duration::from_millis(1_300)).await;
        node.shutdown().await.unwrap();
        let again = site.node(id).await;
        sleep(Duration::from_millis(2_300)).await;
        again.shutdown().await.unwrap();
    }
    for worker in load {
        worker.await.unwrap();
    }
    let by_number = site.log.by_number();
    assert_eq!(by_number.len(), 8 * 400);
    assert!(by_number.values().all(|times| *times == 1));
    assert!(site.log.by_node().len() == 4, "{:?}", site.log.by_node());
}

pub async fn a_draining_node_finishes_and_takes_nothing_new<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let (from, to) = (a.clone(), b.id().clone());
    let running = tokio::spawn(async move { from.send_to(&to, Slow { n: 1, ms: 2_000 }).await });
    sleep(Duration::from_millis(200)).await;
    let leaving = b.clone();
    let leaving = tokio::spawn(async move { leaving.shutdown().await });
    sleep(Duration::from_millis(10)).await;
    assert!(!leaving.is_finished());
    let error = a.send_to(b.id(), Slow { n: 2, ms: 0 }).await.unwrap_err();
    let SendError::Refused(refused) = error else {
        panic!("{error}");
    };
    assert_eq!(refused.refusal(), Refusal::Draining);
    for n in 10..20 {
        assert_eq!(a.send(InTurn { n }).await.unwrap(), "a", "routing knows it");
    }
    assert_eq!(running.await.unwrap().unwrap(), "b", "what ran is finished");
    leaving.await.unwrap().unwrap();
}

pub async fn a_caller_with_an_old_view_is_refused_and_asks_the_next<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("client");
    let [a, b] = site.nodes(["a", "b"]).await;
    let client = site.builder_on(&line, "clients", "client").only(|_| false);
    let client = client.start().await.unwrap();
    // It hears nothing of what comes.
    line.set(|rules| rules.watch = Fault::Hang);
    b.shutdown().await.unwrap();
    for n in 0..10 {
        assert_eq!(client.send(InTurn { n }).await.unwrap(), "a");
    }
    assert_eq!(site.log.len(), 10);
    drop(a);
}

pub async fn who_does_not_own_the_key_refuses_and_the_caller_tries_again<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("client");
    let a = site.node("a").await;
    all_owned(std::slice::from_ref(&a), 32).await;
    let client = site.builder_on(&line, "clients", "client").only(|_| false);
    let client = client.start().await.unwrap();
    line.set(|rules| rules.watch = Fault::Hang);
    let b = site.node("b");
    // Its start waits for the client, which hears nothing until later.
    let (b, ()) = tokio::join!(b, async {
        sleep(Duration::from_secs(5)).await;
        line.heal();
    });
    all_owned(&[a.clone(), b.clone()], 32).await;
    sleep(Duration::from_secs(1)).await;
    line.set(|rules| rules.watch = Fault::Hang);
    b.shutdown().await.unwrap();
    let c = site.builder("c").node_timeout(NODE_TIMEOUT);
    let c = tokio::spawn(c.start());
    let started = Instant::now();
    let calls: Vec<_> = (0..64)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.send(ByKey { n }).await })
        })
        .collect();
    sleep(Duration::from_secs(4)).await;
    line.heal();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(12));
    assert!(site.log.by_number().values().all(|times| *times == 1));
    drop(c.await.unwrap().unwrap());
}

async fn with_a_deaf_node<C: Cluster>(site: &Site<C>) -> (Node, Node) {
    let line = site.line("b");
    let a = site.node("a").await;
    let b = site.builder_on(&line, SERVICE, "b").start().await.unwrap();
    all_owned(&[a.clone(), b.clone()], 32).await;
    line.set(|rules| rules.inbox = Fault::Fail);
    sleep(Duration::from_millis(50)).await;
    (a, b)
}

pub async fn a_node_without_an_inbox_is_passed_over<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let (a, _b) = with_a_deaf_node(&site).await;
    for n in 0..20 {
        assert_eq!(a.send(InTurn { n }).await.unwrap(), "a");
    }
    assert_eq!(site.log.len(), 20);
}

pub async fn a_key_of_a_node_without_an_inbox_is_refused_by_the_deadline<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let (a, b) = with_a_deaf_node(&site).await;
    let theirs = |n: &u64| {
        let text = n.to_string();
        let hash = catga::routing::Key::from_text(&text).fnv1a32();
        b.partitions().contains_key(&(hash % 32))
    };
    let n = (0..).find(theirs).unwrap();
    let started = Instant::now();
    let options = Options::new().timeout(Duration::from_secs(3));
    let error = a.with(options).send(ByKey { n }).await.unwrap_err();
    let SendError::Refused(refused) = error else {
        panic!("{error}");
    };
    assert_eq!(refused.refusal(), Refusal::Absent);
    // The clock moves in steps.
    assert!(
        started.elapsed() <= Duration::from_millis(3_050),
        "{:?}",
        started.elapsed()
    );
    assert!(
        started.elapsed() >= Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert!(site.log.is_empty());
}

pub async fn a_key_of_a_dead_node_is_handled_by_the_next<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    drop(b);
    for n in 0..40 {
        assert_eq!(a.send(ByKey { n }).await.unwrap(), "a");
    }
    assert!(site.log.by_number().values().all(|times| *times == 1));
}

pub async fn a_lost_answer_is_never_asked_for_twice<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let a = site.node("a").await;
    let b = site.node_on(&line, "b").await;
    all_owned(&[a.clone(), b.clone()], 32).await;
    line.set(|rules| rules.frames = Fault::LoseReply);
    let mut lost = 0;
    for n in 0..10 {
        let options = Options::new().timeout(Duration::from_secs(1));
        match a.with(options).send(InTurn { n }).await {
            Ok(node) => assert_eq!(node, "a"),
            Err(SendError::Timeout(_)) => lost += 1,
            Err(other) => panic!("{other}"),
        }
    }
    drop(b);
    assert_eq!(lost, 5);
    assert!(
        site.log.by_number().values().all(|times| *times == 1),
        "{:?}",
        site.log.all()
    );
}

pub async fn nobody_there_is_no_route<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let client = client_of(&site, "client").start().await.unwrap();
    let error = client.send(InTurn { n: 1 }).await.unwrap_err();
    assert!(matches!(error, SendError::NoRoute(_)), "{error}");
}

pub async fn a_node_without_a_lease_takes_no_keys<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    all_owned(std::slice::from_ref(&a), 32).await;
    line.set(|rules| (rules.writes, rules.reads) = (Fault::Hang, Fault::Hang));
    sleep(NODE_TIMEOUT).await;
    let options = Options::new().timeout(Duration::from_secs(1));
    let error = a.with(options).send(ByKey { n: 1 }).await.unwrap_err();
    let SendError::Refused(refused) = &error else {
        panic!("{error}");
    };
    assert_eq!(refused.refusal(), Refusal::NoOwner);
    line.heal();
    let back = Duration::from_secs(20);
    super::site::until("it is back", back, || a.partitions().len() == 32).await;
    assert_eq!(a.send(ByKey { n: 1 }).await.unwrap(), "a");
}

pub async fn an_error_or_a_panic_is_never_tried_elsewhere<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    for node in &nodes {
        for n in 0..6 {
            let error = node
                .send(Fails {
                    n,
                    panics: n % 2 == 1,
                })
                .await
                .unwrap_err();
            match error {
                SendError::Failed(_) if n % 2 == 0 => {}
                SendError::Panicked(_) if n % 2 == 1 => {}
                other => panic!("{other}"),
            }
        }
    }
    sleep(Duration::from_secs(1)).await;
    let by_number = site.log.by_number();
    assert_eq!(by_number.len(), 6);
    assert!(
        by_number.values().all(|times| *times == 3),
        "once for each caller: {by_number:?}"
    );
}
