//! One message of a key at a time, where that is asked for.

use std::time::Duration;

use catga::Options;
use catga::transport::Memory;
use catga_tests::faulty::Lie;
use catga_tests::suite::durable::nodes;
use catga_tests::suite::durable::work::{Put, Sink};
use catga_tests::suite::site::{Site, until};

use crate::InMemory;

#[tokio::test(start_paused = true)]
async fn messages_of_a_key_are_never_on_their_way_together() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    // Whatever of one key comes in one call is stored in the wrong order.
    site.faults.lie(Lie::AppendsSwapped, 1);
    let puts = |key| (0..60).map(move |n| Put { key, n, ms: 0 });
    let strictly = a.with(Options::new().strict());
    for stored in strictly.enqueue_all(puts(1).chain(puts(2))).await {
        stored.unwrap();
    }
    until("all ran", Duration::from_secs(20), || sink.len() == 120).await;
    for key in [1, 2] {
        assert!(sink.of_key(key).is_sorted(), "{:?}", sink.of_key(key));
    }
    assert_eq!(site.faults.lies(Lie::AppendsSwapped), 0);
    // Otherwise they are.
    for stored in a.enqueue_all(puts(3)).await {
        stored.unwrap();
    }
    assert!(site.faults.lies(Lie::AppendsSwapped) > 0);
}
