use std::time::Duration;

use catga::cluster::JoinError;
use catga::node::StartError;
use catga::transport::RecordKey;
use catga::wiring::Problem;
use futures_util::future::{join_all, try_join_all};
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::site::{HEARTBEAT, NODE_TIMEOUT, Site, all_owned, client_of, ids, until};
use super::work::{ByKey, MODULE, Nearest};
use crate::faulty::{Fault, Line};

/// Starts a node of another service, which waits for the others to know what it takes.
fn other<C: Cluster>(site: &Site<C>, line: &Line) -> catga::node::Builder {
    let builder = site.builder_on(line, "other", "x");
    builder.only(|handler| handler.is_broadcast() && handler.module() == MODULE)
}

pub async fn a_cut_while_a_node_starts_is_an_error_in_time<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let (a, x) = (site.line("a"), site.line("x"));
    let _a = site.node_on(&a, "a").await;
    a.set(|rules| rules.writes = Fault::Delay(Duration::from_secs(2)));
    let starting = tokio::spawn(other(&site, &x).start());
    sleep(Duration::from_secs(1)).await;
    assert!(!starting.is_finished(), "it waits for a");
    x.cut();
    let cut = Instant::now();
    let refused = starting.await.unwrap().unwrap_err();
    assert!(
        matches!(refused, StartError::Join(JoinError::Transport(_))),
        "{refused}"
    );
    assert!(cut.elapsed() <= 2 * NODE_TIMEOUT, "{:?}", cut.elapsed());
}

pub async fn a_live_node_that_cannot_see_is_named<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let (a, x) = (site.line("a"), site.line("x"));
    let a_node = site.node_on(&a, "a").await;
    a.set(|rules| rules.watch = Fault::Fail);
    let started = Instant::now();
    let refused = other(&site, &x).start().await.unwrap_err();
    let StartError::Join(JoinError::NotSeen { by, .. }) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(by, a_node.id());
    let service = RecordKey::Service("other".into());
    assert_eq!(site.faults.value(&service).await, None, "it takes nothing");
    assert!(
        started.elapsed() <= 4 * NODE_TIMEOUT,
        "{:?}",
        started.elapsed()
    );
    a.heal();
    let healed = Instant::now();
    let _x = other(&site, &x).start().await.unwrap();
    let took = healed.elapsed();
    assert!(took < NODE_TIMEOUT / 2, "it had left: {took:?}");
    assert_eq!(ids(&a_node), ["a", "x"]);
}

pub async fn a_node_whose_inbox_cannot_be_opened_does_not_start<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    for fault in [Fault::Fail, Fault::Hang] {
        let line = site.line("b");
        line.set(|rules| rules.inbox = fault);
        let started = Instant::now();
        let refused = site.builder_on(&line, super::site::SERVICE, "b");
        let refused = refused.start().await.unwrap_err();
        assert!(
            matches!(refused, StartError::Join(JoinError::Transport(_))),
            "{refused}"
        );
        assert!(started.elapsed() <= NODE_TIMEOUT, "{:?}", started.elapsed());
        until("it left", HEARTBEAT, || ids(&a) == ["a"]).await;
    }
}

pub async fn a_key_has_a_place_before_anyone_owns_it<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let client = client_of(&site, "client").start().await.unwrap();
    let started = Instant::now();
    let a = site.node("a").await;
    let b = site.node("b").await;
    let places = (0..40).map(async |n| {
        let asked = [&client, &a, &b].map(|node| node.send(ByKey { n }));
        let answers = try_join_all(asked).await.unwrap();
        super::site::same(&answers);
        answers.into_iter().next().unwrap()
    });
    let before = join_all(places).await;
    assert!(started.elapsed() < HEARTBEAT, "nobody has claimed anything");
    assert!(a.partitions().is_empty() && b.partitions().is_empty());
    all_owned(&[a.clone(), b.clone()], 32).await;
    for (n, place) in (0..).zip(before) {
        assert_eq!(
            client.send(ByKey { n }).await.unwrap(),
            place,
            "who was preferred owns it"
        );
    }
}

pub async fn a_restarted_node_is_there_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    for _ in 0..3 {
        let b = site.node("b").await;
        assert_eq!(ids(&a), ["a", "b"]);
        assert_eq!(a.send_to(b.id(), Nearest { n: 1 }).await.unwrap(), "b");
        b.shutdown().await.unwrap();
    }
    assert_eq!(site.log.len(), 3, "no call ran twice");
}

pub async fn a_heartbeat_that_is_too_slow_for_its_timeout_is_refused<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let slow = NODE_TIMEOUT / 3 + Duration::from_millis(1);
    for heartbeat in [slow, NODE_TIMEOUT, Duration::ZERO] {
        let refused = site.builder("a").heartbeat(heartbeat).start().await;
        let Err(StartError::Wiring(problems)) = refused else {
            panic!("{heartbeat:?} is taken");
        };
        let is_heartbeat = |problem| matches!(problem, &Problem::Heartbeat { .. });
        assert!(problems.iter().any(is_heartbeat), "{problems}");
    }
    let a = site.builder("a").heartbeat(NODE_TIMEOUT / 3).start().await;
    assert_eq!(ids(&a.unwrap()), ["a"]);
}
