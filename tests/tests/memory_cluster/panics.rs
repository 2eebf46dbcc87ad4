//! A transport that panics.

use std::time::Duration;

use catga::transport::Memory;
use catga_tests::faulty::{Fault, Faults};
use catga_tests::suite::durable::builder_on;
use catga_tests::suite::durable::work::{Put, Sink};
use catga_tests::suite::site::{all_owned, until};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn what_is_stored_while_the_transport_panics_is_stored_later() {
    let faults = Faults::new(std::sync::Arc::new(Memory::private()));
    let sink = Sink::default();
    let node = builder_on(&faults.line("a"), &sink, "shop", "a");
    let node = node.start().await.unwrap();
    all_owned(std::slice::from_ref(&node), 32).await;
    let line = faults.line("client");
    let client = builder_on(&line, &sink, "clients", "client").only(|_| false);
    let client = client.start().await.unwrap();
    let put = |n| Put { key: 1, n, ms: 0 };
    client.enqueue(put(0)).await.unwrap();

    line.set(|rules| rules.queues = Fault::Panic);
    let stored = tokio::spawn({
        let client = client.clone();
        async move { client.enqueue(put(1)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    line.heal();
    stored.await.unwrap().unwrap();
    client.enqueue(put(2)).await.unwrap();
    until("all ran", SOON, || sink.len() == 3).await;
    assert_eq!(sink.of_key(1), [0, 1, 2]);
}
