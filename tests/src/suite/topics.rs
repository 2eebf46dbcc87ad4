use std::collections::BTreeSet;
use std::time::Duration;

use catga::Node;
use tokio::time::sleep;

use super::Cluster;
use super::site::{Site, client_of};
use super::work::{Moved, OF_ALL, OF_ONE, OF_REST};

const A_WHILE: Duration = Duration::from_millis(200);

/// A cluster of two nodes, and one that broadcasts.
async fn site_of<C: Cluster>(cluster: C) -> (Site<C>, [Node; 3]) {
    let site = Site::new(cluster);
    let (a, b) = (site.node("a").await, site.node("b").await);
    let client = client_of(&site, "client").start().await.unwrap();
    (site, [client, a, b])
}

/// What ran for one event, and on how many nodes.
async fn heard<C: Cluster>(
    site: &Site<C>,
    from: &Node,
    region: &str,
    shelf: Option<&str>,
) -> Vec<(u64, usize)> {
    let event = Moved {
        region: region.to_owned(),
        shelf: shelf.map(str::to_owned),
        // Of what came before, everything has a smaller number.
        n: 10_000 * u64::try_from(site.log.len()).unwrap(),
    };
    let n = event.n;
    from.broadcast(event).await.unwrap();
    sleep(A_WHILE).await;
    let all = site.log.by_number().into_iter();
    let mut heard: Vec<_> = all
        .filter_map(|(number, times)| Some((number.checked_sub(n)?, times)))
        .collect();
    heard.sort_unstable();
    heard
}

pub async fn a_star_is_one_segment<C: Cluster>(cluster: C) {
    let (site, [client, _a, _b]) = site_of(cluster).await;
    let heard = heard(&site, &client, "us", Some("tea")).await;
    assert_eq!(heard, [(OF_ALL, 2), (OF_ONE, 2)], "on both nodes, once");
}

pub async fn a_greater_than_is_the_rest<C: Cluster>(cluster: C) {
    let (site, [client, _a, _b]) = site_of(cluster).await;
    let heard = heard(&site, &client, "eu", Some("milk")).await;
    assert_eq!(heard, [(OF_ALL, 2), (OF_REST, 2)]);
}

pub async fn several_patterns_may_match<C: Cluster>(cluster: C) {
    let (site, [client, _a, _b]) = site_of(cluster).await;
    let heard = heard(&site, &client, "eu", Some("tea")).await;
    assert_eq!(heard, [(OF_ALL, 2), (OF_ONE, 2), (OF_REST, 2)]);
}

pub async fn without_a_pattern_a_handler_hears_every_topic<C: Cluster>(cluster: C) {
    let (site, [client, _a, _b]) = site_of(cluster).await;
    let heard = heard(&site, &client, "us", Some("milk")).await;
    assert_eq!(heard, [(OF_ALL, 2)], "and no pattern matches");
}

pub async fn a_value_is_one_segment_whatever_is_in_it<C: Cluster>(cluster: C) {
    let (site, [client, _a, _b]) = site_of(cluster).await;
    for region in [
        "e.u", "eu.to", "*", ">", "e u", "", "e\tu", "%", "eü", "e\\u",
    ] {
        for (shelf, of_one) in [(Some("tea"), true), (Some("t.e.a"), false), (None, false)] {
            let heard = heard(&site, &client, region, shelf).await;
            let ran: BTreeSet<_> = heard.iter().map(|(number, _)| *number).collect();
            let mut expected = BTreeSet::from([OF_ALL]);
            if of_one {
                expected.insert(OF_ONE);
            }
            assert_eq!(ran, expected, "{region:?} {shelf:?}");
        }
    }
}

pub async fn patterns_hold_without_a_cluster<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let alone = Node::builder("alone")
        .state(super::work::Here::new("alone", &site.log))
        .only(|handler| handler.module() == super::work::MODULE);
    let alone = alone.start().await.unwrap();
    let heard = heard(&site, &alone, "eu", Some("milk")).await;
    assert_eq!(heard, [(OF_ALL, 1), (OF_REST, 1)]);
}
