use std::time::Duration;

use catga::cluster::JoinError;
use catga::node::StartError;
use catga::transport::RecordKey;
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::owners::Inspector;
use super::site::{HEARTBEAT, NODE_TIMEOUT, SERVICE, Site, all_owned, ids, until};
use crate::faulty::Fault;

pub async fn a_lost_heartbeat_reply_is_no_death<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("b");
    let nodes = [site.node("a").await, site.node_on(&line, "b").await];
    all_owned(&nodes, 32).await;
    let before = nodes[0].members().get("b").unwrap().incarnation();
    let partitions = nodes[1].partitions();
    line.set(|rules| rules.writes = Fault::LoseReply);
    sleep(Duration::from_secs(4)).await;
    line.heal();
    sleep(3 * NODE_TIMEOUT).await;
    assert_eq!(nodes[0].members().get("b").unwrap().incarnation(), before);
    assert_eq!(nodes[1].partitions(), partitions);
}

pub async fn a_node_whose_record_was_removed_comes_back<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b"]).await;
    let inspector = Inspector::of(&nodes);
    let before = nodes[1].members().get("b").unwrap().incarnation();
    let partitions: Vec<_> = nodes[1].partitions().into_keys().collect();
    site.faults
        .remove(&RecordKey::Member(nodes[1].id().clone()))
        .await;
    until("it is gone", HEARTBEAT, || ids(&nodes[0]) == ["a"]).await;
    let within = HEARTBEAT + Duration::from_secs(1);
    until("it comes back", within, || ids(&nodes[0]) == ["a", "b"]).await;
    assert!(nodes[0].members().get("b").unwrap().incarnation() > before);
    let took = all_owned(&nodes, 32).await;
    assert!(took < HEARTBEAT, "taken back at once: {took:?}");
    let now: Vec<_> = nodes[1].partitions().into_keys().collect();
    assert_eq!(now, partitions, "the same partitions");
    inspector.end().await;
}

pub async fn a_restart_under_the_same_name_waits_for_the_old_one<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let before = a.members().get("a").unwrap().incarnation();
    drop(a);
    let started = Instant::now();
    let a = site.node("a").await;
    assert!(
        started.elapsed() >= NODE_TIMEOUT - HEARTBEAT,
        "{:?}",
        started.elapsed()
    );
    assert!(
        started.elapsed() <= NODE_TIMEOUT + HEARTBEAT,
        "{:?}",
        started.elapsed()
    );
    assert!(a.members().get("a").unwrap().incarnation() > before);
    all_owned(&[a], 32).await;
}

pub async fn a_restart_after_a_shutdown_does_not_wait<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    a.shutdown().await.unwrap();
    let started = Instant::now();
    site.node("a").await;
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

pub async fn a_name_that_lives_is_refused<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.node("a").await;
    let started = Instant::now();
    let refused = site.builder("a").start().await.unwrap_err();
    let StartError::Join(JoinError::IdTaken { id, .. }) = refused else {
        panic!("{refused}");
    };
    assert_eq!(id.as_str(), "a");
    assert!(
        started.elapsed() <= 2 * HEARTBEAT,
        "{:?}",
        started.elapsed()
    );
    sleep(2 * NODE_TIMEOUT).await;
    assert_eq!(a.partitions().len(), 32, "it goes on");
}

pub async fn of_two_with_one_name_one_starts<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let (one, other) = tokio::join!(site.builder("a").start(), site.builder("a").start());
    assert!(one.is_ok() != other.is_ok());
    let refused = [one, other].into_iter().find_map(Result::err).unwrap();
    assert!(
        matches!(refused, StartError::Join(JoinError::IdTaken { .. })),
        "{refused}"
    );
}

pub async fn another_number_of_partitions_is_refused<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let _a = site.node("a").await;
    let refused = site.builder("b").partitions(64).start().await.unwrap_err();
    assert!(
        matches!(
            refused,
            StartError::Join(JoinError::Partitions {
                recorded: 32,
                given: 64,
                ..
            })
        ),
        "{refused}"
    );
}

pub async fn a_command_belongs_to_one_service<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let _a = site.node("a").await;
    let line = site.line("x");
    let refused = site
        .builder_on(&line, "other", "x")
        .start()
        .await
        .unwrap_err();
    let StartError::Join(JoinError::TakenBy {
        message, service, ..
    }) = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!(service, SERVICE);
    assert!(!message.is_empty());
    let other = RecordKey::Service("other".into());
    assert_eq!(
        site.faults.value(&other).await,
        None,
        "it leaves nothing behind"
    );
    let started = Instant::now();
    let b = site.node("b").await;
    assert_eq!(ids(&b), ["a", "b"], "and is in nobody's way");
    assert!(started.elapsed() < HEARTBEAT);
}

pub async fn of_two_services_at_once_none_stays_with_half_a_claim<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let (x, y) = (site.line("x"), site.line("y"));
    let one = site.builder_on(&x, "one", "x").start();
    let other = site.builder_on(&y, "other", "y").start();
    let (one, other) = tokio::join!(one, other);
    assert!(
        !(one.is_ok() && other.is_ok()),
        "two services take one command"
    );
    for refused in [one, other].into_iter().filter_map(Result::err) {
        assert!(
            matches!(refused, StartError::Join(JoinError::TakenBy { .. })),
            "{refused}"
        );
    }
    sleep(Duration::from_secs(1)).await;
    // Whatever came of it: the one that is tried again starts.
    let again = site.builder_on(&x, "one", "x-again").start().await;
    let instead = site.builder_on(&y, "other", "y-again").start().await;
    assert!(again.is_ok() != instead.is_ok());
}

pub async fn a_broker_that_does_not_answer_is_a_start_error<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    for rules in [crate::faulty::Rules::CUT, crate::faulty::Rules::DOWN] {
        let line = site.line("a");
        line.set(|now| *now = rules);
        let started = Instant::now();
        let refused = site
            .builder_on(&line, SERVICE, "a")
            .start()
            .await
            .unwrap_err();
        assert!(
            matches!(refused, StartError::Join(JoinError::Transport(_))),
            "{refused}"
        );
        assert!(
            started.elapsed() <= 2 * NODE_TIMEOUT,
            "{:?}",
            started.elapsed()
        );
    }
}

pub async fn start_waits_until_every_live_node_knows<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.node_on(&line, "a").await;
    // Its watch works and its beats are late: it does not say that it knows.
    line.set(|rules| rules.writes = Fault::Delay(Duration::from_secs(2)));
    let before = Instant::now();
    let line = site.line("x");
    let x = site.builder_on(&line, "other", "x");
    let x = x.only(|handler| handler.is_broadcast() && handler.module() == super::work::MODULE);
    let _x = x.start().await.unwrap();
    assert!(
        before.elapsed() >= Duration::from_secs(2),
        "{:?}",
        before.elapsed()
    );
    assert_eq!(ids(&a), ["a", "x"]);
}
