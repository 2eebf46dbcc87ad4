use std::error::Error;
use std::time::Duration;

use catga::delivery::Fault;
use catga::node::Refusal;
use catga::{Options, SendError};
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::site::{Site, client_of, until};
use super::work::{Break, Buy, Endless, Nearest, Panic, Slow, SoldOut, TimeLeft};

pub async fn a_declared_error_arrives_as_itself<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let error = a
        .send_to(b.id(), Buy { sku: "tea".into() })
        .await
        .unwrap_err();
    let SendError::Rejected(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error, SoldOut { sku: "tea".into() });
}

pub async fn a_failure_arrives_with_its_chain<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let error = a.send_to(b.id(), Break).await.unwrap_err();
    assert_eq!(error.node(), Some(b.id()), "{error}");
    let SendError::Failed(failed) = error else {
        panic!("{error}");
    };
    let outer = failed.source().unwrap();
    assert_eq!(outer.to_string(), "not written");
    assert_eq!(outer.source().unwrap().to_string(), "the disk is full");
    assert!(outer.source().unwrap().source().is_none());
    assert_ne!(Fault::of(outer), Fault::Permanent);
}

pub async fn a_panic_arrives_with_its_text<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let error = a.send_to(b.id(), Panic).await.unwrap_err();
    let SendError::Panicked(panicked) = error else {
        panic!("{error}");
    };
    assert_eq!(panicked.text(), "not this one");
    assert_eq!(
        a.send_to(b.id(), Nearest { n: 1 }).await.unwrap(),
        "b",
        "it goes on"
    );
}

pub async fn a_deadline_ends_the_call_and_the_handler<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let started = Instant::now();
    let short = Options::new().timeout(Duration::from_millis(800));
    let error = a
        .with(short)
        .send_to(b.id(), Endless { n: 1 })
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Timeout(_)), "{error}");
    assert!(!error.is_retryable());
    assert!(
        started.elapsed() <= Duration::from_millis(802),
        "{:?}",
        started.elapsed()
    );
    until("the handler is dropped", Duration::from_millis(50), || {
        site.log.len() == 3
    })
    .await;
    assert_eq!(site.log.by_number().len(), 3, "{:?}", site.log.all());
}

pub async fn the_handler_has_no_more_time_than_the_caller<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let options = Options::new()
        .timeout(Duration::from_millis(1_500))
        .header("tenant", "acme");
    let (left, tenant) = a.with(options).send_to(b.id(), TimeLeft).await.unwrap();
    assert!((1_400_000..=1_500_000).contains(&left), "{left}");
    assert_eq!(tenant.as_deref(), Some("acme"), "headers travel");
}

pub async fn dropping_a_call_stops_its_handler<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let to = b.id().clone();
    let call = tokio::spawn(async move { a.send_to(&to, Endless { n: 1 }).await });
    until("it runs", Duration::from_secs(1), || site.log.len() == 1).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(site.log.len(), 1);
    call.abort();
    until("it is dropped", Duration::from_millis(50), || {
        site.log.len() == 3
    })
    .await;
    let numbers = site.log.by_number();
    assert!(numbers.contains_key(&101), "its future is dropped");
    assert!(numbers.contains_key(&201), "its tasks are told");
}

pub async fn late_answers_are_dropped_and_counted<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let a = site.node("a").await;
    let b = site.node_on(&line, "b").await;
    line.set(|rules| rules.frames = crate::faulty::Fault::SlowReply(Duration::from_secs(2)));
    let short = Options::new().timeout(Duration::from_secs(1));
    let error = a
        .with(short)
        .send_to(b.id(), Nearest { n: 1 })
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Timeout(_)), "{error}");
    assert_eq!(a.late_answers(), 0);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(a.late_answers(), 1);
    assert_eq!(site.log.len(), 1, "it ran once");
}

pub async fn send_to_goes_to_that_node<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    for from in &nodes {
        for to in &nodes {
            assert_eq!(
                from.send_to(to.id(), Nearest { n: 1 }).await.unwrap(),
                to.id().as_str()
            );
        }
    }
    let gone = nodes[2].id().clone();
    nodes[2].shutdown().await.unwrap();
    let error = nodes[0].send_to(&gone, Nearest { n: 1 }).await.unwrap_err();
    let SendError::Refused(refused) = error else {
        panic!("{error}");
    };
    assert_eq!(refused.refusal(), Refusal::Absent);
    let client = client_of(&site, "client").start().await.unwrap();
    let error = nodes[0]
        .send_to(client.id(), Nearest { n: 1 })
        .await
        .unwrap_err();
    let SendError::Refused(refused) = error else {
        panic!("{error}");
    };
    assert_eq!(refused.refusal(), Refusal::NoHandler);
}

pub async fn a_node_is_there_when_its_start_returns<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    for id in ["b", "c", "d"] {
        let node = site.node(id).await;
        assert_eq!(a.send_to(node.id(), Nearest { n: 1 }).await.unwrap(), id);
    }
}

pub async fn an_overloaded_node_refuses<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let b = site.builder("b").max_in_flight(2).start().await.unwrap();
    let calls = [1, 2].map(|n| {
        let (a, to) = (a.clone(), b.id().clone());
        tokio::spawn(async move { a.send_to(&to, Slow { n, ms: 1_000 }).await })
    });
    sleep(Duration::from_millis(10)).await;
    let error = a.send_to(b.id(), Nearest { n: 3 }).await.unwrap_err();
    let SendError::Refused(refused) = &error else {
        panic!("{error}");
    };
    assert_eq!(refused.refusal(), Refusal::Overloaded);
    assert!(error.is_retryable());
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(a.send_to(b.id(), Nearest { n: 3 }).await.unwrap(), "b");
    assert_eq!(site.log.len(), 3, "what was refused did not run");
}
