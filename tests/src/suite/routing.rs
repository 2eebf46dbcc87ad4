use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use catga::routing::{ConsistentHash, Key, Nodes, Reason, Strategy, Target};
use catga::{Node, SendError};
use tokio::time::sleep;

use super::Cluster;
use super::site::{NODE_TIMEOUT, SERVICE, Site, all_owned, client_of, same};
use super::work::{AtRandom, ByKey, Chosen, Idlest, InTurn, Nearest, OnRing, Slow};

/// A multiple of the nodes and of the callers.
const REQUESTS: u64 = 297;

macro_rules! exactly_once {
    ($site:ident, $nodes:ident, $message:ident) => {{
        for n in 0..REQUESTS {
            let node = &$nodes[usize::try_from(n).unwrap() % $nodes.len()];
            node.send($message { n }).await.unwrap();
        }
        let by_number = $site.log.by_number();
        assert_eq!(by_number.len(), 297);
        assert!(by_number.values().all(|times| *times == 1), "{by_number:?}");
        $site.log.by_node()
    }};
}

pub async fn round_robin_is_exact_and_runs_each_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    let by_node = exactly_once!(site, nodes, InTurn);
    assert_eq!(
        by_node,
        HashMap::from(["a", "b", "c"].map(|id| (id.to_owned(), 99)))
    );
}

pub async fn random_reaches_every_node_and_runs_each_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    let by_node = exactly_once!(site, nodes, AtRandom);
    assert!(
        by_node.len() == 3 && by_node.values().all(|count| *count > 60),
        "{by_node:?}"
    );
}

pub async fn least_loaded_spreads_and_runs_each_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    let by_node = exactly_once!(site, nodes, Idlest);
    assert!(
        by_node.len() == 3 && by_node.values().all(|count| *count > 60),
        "{by_node:?}"
    );
}

pub async fn least_loaded_avoids_a_busy_node<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    let busy: Vec<_> = (0..60)
        .map(|n| {
            let (from, to) = (nodes[0].clone(), nodes[1].id().clone());
            tokio::spawn(async move { from.send_to(&to, Slow { n, ms: 20_000 }).await })
        })
        .collect();
    // Long enough for the load to be told.
    sleep(std::time::Duration::from_secs(7)).await;
    for n in 1_000..1_100 {
        assert_ne!(
            nodes[2].send(Idlest { n }).await.unwrap(),
            "b",
            "c has heard of b's load"
        );
    }
    for call in busy {
        assert_eq!(call.await.unwrap().unwrap(), "b");
    }
}

pub async fn local_first_stays_at_home<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    for node in &nodes {
        for n in 0..50 {
            assert_eq!(node.send(Nearest { n }).await.unwrap(), node.id().as_str());
        }
    }
    let client = client_of(&site, "client").start().await.unwrap();
    let mut reached = BTreeSet::new();
    for n in 0..100 {
        reached.insert(client.send(Nearest { n }).await.unwrap());
    }
    assert_eq!(
        reached.len(),
        3,
        "and without a handler of its own it spreads"
    );
}

pub async fn all_requests_of_a_key_go_to_one_node_from_everywhere<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let nodes = site.nodes(["a", "b", "c"]).await;
    let client = client_of(&site, "client").start().await.unwrap();
    let mut reached = HashMap::<String, usize>::new();
    for n in 0..200 {
        let mut answers = Vec::new();
        for node in nodes.iter().chain([&client]) {
            answers.push(node.send(ByKey { n }).await.unwrap());
        }
        same(&answers);
        let key = n.to_string();
        let partition = Key::from_text(&key).fnv1a32() % 32;
        let owner = nodes
            .iter()
            .find(|node| node.partitions().contains_key(&partition));
        assert_eq!(
            owner.unwrap().id().as_str(),
            answers[0],
            "the owner handles it"
        );
        *reached.entry(answers.remove(0)).or_default() += 1;
    }
    assert!(
        reached.len() == 3 && reached.values().all(|count| *count > 30),
        "{reached:?}"
    );
}

struct Last;

impl Strategy for Last {
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        assert!(
            nodes
                .candidates()
                .is_sorted_by_key(|node| node.id().clone())
        );
        nodes.target(nodes.len() - 1)
    }
}

pub async fn a_strategy_of_the_users_own<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site
        .builder("a")
        .strategy::<Chosen>(Last)
        .start()
        .await
        .unwrap();
    let c = site
        .builder("c")
        .strategy::<Chosen>(Last)
        .start()
        .await
        .unwrap();
    let b = site
        .builder("b")
        .strategy::<Chosen>(Last)
        .start()
        .await
        .unwrap();
    for node in [&a, &b, &c] {
        assert_eq!(node.send(Chosen { n: 1 }).await.unwrap(), "c");
    }
}

pub async fn a_ring_agrees_on_every_node<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let mut nodes = Vec::new();
    for id in ["c", "a", "b"] {
        let ring = ConsistentHash::ring(ConsistentHash::VIRTUAL_NODES);
        let builder = site.builder(id).strategy::<OnRing>(ring);
        nodes.push(builder.start().await.unwrap());
    }
    let mut reached = BTreeSet::new();
    for n in 0..60 {
        let mut answers = Vec::new();
        for node in &nodes {
            answers.push(node.send(OnRing { n }).await.unwrap());
        }
        same(&answers);
        reached.extend(answers);
    }
    assert_eq!(reached.len(), 3);
}

/// Remembers the views that it was prepared for, and picks from no other.
#[derive(Clone, Default)]
struct Prepared(Arc<Mutex<Vec<Vec<String>>>>);

impl Strategy for Prepared {
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        let known = self.0.lock().unwrap();
        assert!(known.contains(&names(nodes)), "{known:?}");
        nodes.target(0)
    }

    fn prepare(&self, nodes: &Nodes) {
        // Long enough for a pick to come in between.
        std::thread::sleep(std::time::Duration::from_millis(1));
        self.0.lock().unwrap().push(names(nodes));
    }
}

fn names(nodes: &Nodes) -> Vec<String> {
    let nodes = nodes.candidates().iter();
    nodes.map(|node| node.id().to_string()).collect()
}

pub async fn a_strategy_is_prepared_for_each_view_before_it_picks<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let prepared = Prepared::default();
    let builder = client_of(&site, "client").strategy::<Chosen>(prepared.clone());
    let client = builder.start().await.unwrap();
    let mut nodes = Vec::new();
    for (id, first) in [("b", "b"), ("a", "a"), ("c", "a")] {
        nodes.push(site.node(id).await);
        assert_eq!(client.send(Chosen { n: 1 }).await.unwrap(), first);
    }
    let a = nodes.remove(1);
    a.shutdown().await.unwrap();
    assert_eq!(client.send(Chosen { n: 1 }).await.unwrap(), "b");
    let before = prepared.0.lock().unwrap().clone();
    let expected: [&[&str]; 5] = [&[], &["b"], &["a", "b"], &["a", "b", "c"], &["b", "c"]];
    for view in expected {
        let is = |known: &Vec<String>| known == view;
        assert!(before.iter().any(is), "{view:?} in {before:?}");
    }
    // Nodes may still hear of each other between two of them.
    let mut rounds = 0..20;
    let quiet = loop {
        let before = prepared.0.lock().unwrap().len();
        for _ in 0..50 {
            client.send(Chosen { n: 1 }).await.unwrap();
        }
        let is_quiet = prepared.0.lock().unwrap().len() == before;
        if is_quiet || rounds.next().is_none() {
            break is_quiet;
        }
    };
    assert!(quiet, "messages prepare something");
}

struct Fragile;

impl Strategy for Fragile {
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        nodes.target(0)
    }

    fn prepare(&self, _: &Nodes) {
        panic!("not today");
    }
}

pub async fn a_strategy_that_panics_in_prepare_stops_nothing<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let a = site.builder("a").strategy::<Chosen>(Fragile);
    let a = a.start().await.unwrap();
    let b = site.node("b").await;
    all_owned(&[a.clone(), b.clone()], 32).await;
    sleep(2 * NODE_TIMEOUT).await;
    assert_eq!(a.send(Chosen { n: 1 }).await.unwrap(), "a");
    b.shutdown().await.unwrap();
    all_owned(&[a], 32).await;
}

/// Names a node by its place, this one too.
struct ByPlace(&'static str);

impl Strategy for ByPlace {
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        nodes
            .position(self.0)
            .map_or(Target::Nobody(Reason::NoNode), Target::Node)
    }
}

pub async fn naming_this_node_by_its_place_is_a_direct_call<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let line = site.line("a");
    let a = site.builder_on(&line, SERVICE, "a");
    let a = a.strategy::<Chosen>(ByPlace("a")).start().await.unwrap();
    let b = site.builder("b").strategy::<Chosen>(ByPlace("a"));
    let b = b.start().await.unwrap();
    assert_eq!(b.send(Chosen { n: 1 }).await.unwrap(), "a");
    // Nothing can be sent or received by it any more.
    line.set(|rules| rules.frames = crate::faulty::Fault::Hang);
    assert_eq!(a.send(Chosen { n: 2 }).await.unwrap(), "a");
}

struct Nonsense(Target);

impl Strategy for Nonsense {
    fn pick(&self, _: &Key<'_>, _: &Nodes) -> Target {
        self.0
    }
}

pub async fn a_strategy_that_answers_nonsense_is_an_error<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let _other = site.node("a").await;
    let client = |id: &'static str, target| {
        let builder = client_of(&site, id).strategy::<Chosen>(Nonsense(target));
        async move { builder.start().await.unwrap() }
    };
    let nodes: [Node; 4] = [
        client("w", Target::Node(7)).await,
        client("x", Target::Local).await,
        client("y", Target::Everyone).await,
        client("z", Target::Node(usize::MAX)).await,
    ];
    for node in &nodes {
        let error = node.send(Chosen { n: 1 }).await.unwrap_err();
        assert!(matches!(error, SendError::NoRoute(_)), "{error}");
    }
    assert!(site.log.is_empty());
}
