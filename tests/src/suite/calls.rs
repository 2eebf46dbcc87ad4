use std::error::Error;
use std::time::Duration;

use catga::delivery::Fault;
use catga::message::ContentType;
use catga::node::Refusal;
use catga::{Options, SendError};
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::site::{Site, client_of, until};
use super::work::{Break, Buy, ByKey, Endless, Nearest, Panic, Serial, Slow, SoldOut, TimeLeft};

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

pub async fn a_reply_comes_in_the_format_of_its_call<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let packed = site
        .builder("packed")
        .content_type(ContentType::MessagePack);
    let packed = packed.start().await.unwrap();
    let plain = site.builder("plain").content_type(ContentType::Json);
    let plain = plain.start().await.unwrap();
    for (from, to) in [(&packed, &plain), (&plain, &packed)] {
        let reply = from.send_to(to.id(), Nearest { n: 1 }).await.unwrap();
        assert_eq!(reply, to.id().as_str());
        let error = from.send_to(to.id(), Buy { sku: "tea".into() }).await;
        let error = error.unwrap_err().split().unwrap();
        assert_eq!(error, SoldOut { sku: "tea".into() });
    }
}

pub async fn a_failure_arrives_with_its_chain<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let error = a.send_to(b.id(), Break).await.unwrap_err();
    assert_eq!(error.node(), Some(b.id()), "{error}");
    let SendError::Failed(failed) = error else {
        panic!("{error}");
    };
    assert_eq!((failed.message(), failed.node()), ("Break", Some(b.id())));
    assert!(failed.id().is_some());
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
        started.elapsed() <= Duration::from_millis(850),
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

pub async fn callers_of_other_runtimes_are_answered<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    for _ in 0..2 {
        let (from, to) = (a.clone(), b.id().clone());
        // What a call leaves behind is not lost with the runtime that it was made in.
        let asked = tokio::task::spawn_blocking(move || {
            let mut other = tokio::runtime::Builder::new_current_thread();
            let other = other.enable_all().build().unwrap();
            other.block_on(from.send_to(&to, Nearest { n: 1 }))
        });
        assert_eq!(asked.await.unwrap().unwrap(), "b");
    }
    assert_eq!(b.send_to(a.id(), Nearest { n: 1 }).await.unwrap(), "a");
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
    sleep(Duration::from_millis(200)).await;
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

pub async fn a_frame_that_comes_twice_runs_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let a = site.node("a").await;
    let b = site.node_on(&line, "b").await;
    line.set(|rules| rules.frames = crate::faulty::Fault::Twice);
    for n in 0..10 {
        let answer = a.send_to(b.id(), Nearest { n }).await.unwrap();
        assert_eq!(answer, "b");
    }
    // Also while the first still runs.
    a.send_to(b.id(), Slow { n: 10, ms: 200 }).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    let by_number = site.log.by_number();
    assert_eq!(by_number.len(), 11);
    assert!(by_number.values().all(|times| *times == 1), "{by_number:?}");
}

pub async fn send_to_a_node_that_does_not_own_the_key_is_refused<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, b] = site.nodes(["a", "b"]).await;
    let mut refusals = 0;
    for n in 0..20 {
        let owner = a.send(ByKey { n }).await.unwrap();
        match a.send_to(b.id(), ByKey { n }).await {
            Ok(node) => assert_eq!(node, owner),
            Err(SendError::Refused(refused)) => {
                assert_eq!(refused.refusal(), Refusal::NotOwner);
                assert_eq!(owner, "a", "it never forwards");
                refusals += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refusals > 0);
}

pub async fn a_serial_handler_takes_turns_for_calls_of_all_nodes<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    let calls: Vec<_> = (0..12)
        .map(|n| {
            let node = nodes[usize::try_from(n % 3).unwrap()].clone();
            tokio::spawn(async move { node.send(Serial { key: 1, n }).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let log = site.log.all();
    assert_eq!(log.len(), 24);
    for pair in log.chunks(2) {
        assert_eq!(pair[0], pair[1], "it ends before another starts: {log:?}");
    }
}

pub async fn many_at_once_keep_the_order_of_each_key<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let [a, _b, _c] = site.nodes(["a", "b", "c"]).await;
    let commands = (0..60).map(|n| Serial { key: n % 6, n });
    for result in a.send_all(commands).await {
        result.unwrap();
    }
    let log = site.log.all();
    for key in 0..6 {
        let ran: Vec<_> = log.iter().filter(|(_, n)| n % 6 == key).collect();
        assert_eq!(ran.len(), 20, "ten, each with a start and an end");
        assert!(ran.is_sorted(), "{ran:?}");
    }
}

pub async fn calls_ask_the_store_nothing<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let lines = ["a", "b"].map(|id| site.line(id));
    let nodes = [
        site.node_on(&lines[0], "a").await,
        site.node_on(&lines[1], "b").await,
    ];
    super::site::all_owned(&nodes, 32).await;
    for line in &lines {
        line.set(|rules| {
            let hang = crate::faulty::Fault::Hang;
            (rules.reads, rules.writes, rules.watch) = (hang, hang, hang);
        });
    }
    for n in 0..40 {
        nodes[0].send(ByKey { n }).await.unwrap();
        nodes[1].send(Slow { n: 100 + n, ms: 1 }).await.unwrap();
    }
    assert_eq!(site.log.len(), 80);
}

pub async fn no_more_calls_than_a_node_may_have_are_under_way<C: Cluster>(cluster: C) {
    const MOST: usize = 1_024;
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let b = site
        .builder("b")
        .max_in_flight(2 * MOST)
        .start()
        .await
        .unwrap();
    let call = |n: u64, seconds: u64| {
        let (a, to) = (a.clone(), b.id().clone());
        let options = Options::new().timeout(Duration::from_secs(seconds));
        let endless = Endless { n: 1_000 * n };
        tokio::spawn(async move { a.with(options).send_to(&to, endless).await })
    };
    let most = u64::try_from(MOST).unwrap();
    let mut calls: Vec<_> = (0..most).map(|n| call(n, 30)).collect();
    let started = || {
        let all = site.log.all();
        all.iter().filter(|(_, n)| n % 1_000 == 0).count()
    };
    until("they run", Duration::from_secs(25), || started() == MOST).await;
    // These give up before any of the others does.
    calls.extend((most..most + 10).map(|n| call(n, 1)));
    let mut refused = 0;
    for call in calls {
        match call.await.unwrap().unwrap_err() {
            SendError::Timeout(_) => {}
            SendError::Refused(error) => {
                assert_eq!(error.refusal(), Refusal::Overloaded);
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((started(), refused), (MOST, 10), "the rest never left");
    assert_eq!(a.send_to(b.id(), Nearest { n: 1 }).await.unwrap(), "b");
}
