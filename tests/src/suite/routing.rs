use std::collections::{BTreeSet, HashMap};

use catga::routing::{Key, Nodes, Strategy, Target};
use catga::{Node, SendError};
use tokio::time::sleep;

use super::Cluster;
use super::site::{Site, client_of, same};
use super::work::{AtRandom, ByKey, Chosen, Idlest, InTurn, Nearest, Slow};

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
