//! Messages of the shared queue that wait for a node which knows their type.

use std::time::Duration;

use catga::transport::Memory;
use catga_tests::suite::durable::work::{Job, Sink};
use catga_tests::suite::durable::{builder, only};
use catga_tests::suite::site::{NODE_TIMEOUT, Site, until};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::InMemory;

#[tokio::test(start_paused = true)]
async fn very_many_of_them_are_not_all_taken() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let version = async |id, handlers| {
        let builder = builder(&site, &sink, id).max_in_flight(1);
        only(builder, handlers).start().await.unwrap()
    };
    let new = version("new", &["put", "job"][..]).await;
    let jobs = (0..10_000).map(|n| Job { n, ms: 60_000 });
    for stored in new.enqueue_all(jobs).await {
        stored.unwrap();
    }
    until("the first runs", NODE_TIMEOUT, || !sink.is_empty()).await;
    let _old = version("old", &["put"][..]).await;
    for _ in 0..20 {
        sleep(Duration::from_secs(1)).await;
        let tasks = Handle::current().metrics().num_alive_tasks();
        assert!(tasks < 1_500, "{tasks} tasks");
    }
    assert!(new.dead_letters().await.unwrap().is_empty());
}
