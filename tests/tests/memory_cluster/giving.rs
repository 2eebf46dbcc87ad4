//! What a node does with a partition that it is to give away, where its broker does not answer.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use catga::transport::Memory;
use catga_tests::faulty::Fault;
use catga_tests::suite::durable::work::{Sink, Try};
use catga_tests::suite::durable::{builder, node_on_line, node_with};
use catga_tests::suite::site::{HEARTBEAT, Site, all_owned, owned, until};
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::InMemory;

/// Where one turn follows the other at once, the paused clock never moves: another one looks after
/// that.
#[test]
fn a_partition_whose_release_is_not_written_is_waited_for_in_peace() {
    let (done, ended) = mpsc::channel();
    let test = thread::spawn(move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let site = Site::new(InMemory(Memory::private()));
            let sink = Sink::default();
            let drain = Duration::from_secs(1);
            let (a, line) = node_with(&site, &sink, |builder| builder.drain_timeout(drain)).await;
            // The record is looked at once more after the drain timeout.
            line.set(|rules| rules.reads = Fault::Delay(2 * drain));
            let b = builder(&site, &sink, "b").start().await.unwrap();
            all_owned(&[a, b], 32).await;
        });
        let _ = done.send(());
    });
    let ended = ended.recv_timeout(Duration::from_secs(30));
    if ended != Err(mpsc::RecvTimeoutError::Timeout) {
        test.join().unwrap();
    }
    assert_eq!(ended, Ok(()), "it does not end");
}

#[tokio::test(start_paused = true)]
async fn what_the_next_owner_has_to_know_is_written_again() {
    let site = Site::new(InMemory(Memory::private()));
    let sink = Sink::default();
    let (a, line) = node_on_line(&site, &sink).await;
    let b = builder(&site, &sink, "b").start().await.unwrap();
    // Right before it is decided what goes to the other one, so that attempts are made of all.
    sleep(HEARTBEAT - Duration::from_millis(100)).await;
    for key in 0..200 {
        a.enqueue(Try::new(key, 0, 3)).await.unwrap();
    }
    until("each was tried", HEARTBEAT, || sink.len() >= 200).await;
    line.set(|rules| rules.writes = Fault::Fail);
    sleep(Duration::from_millis(300)).await;
    assert_eq!(owned(&[a.clone(), b.clone()]), [32, 0]);
    line.heal();
    let both = [a, b];
    until("each has its share", Duration::from_secs(5), || {
        owned(&both) == [16, 16]
    })
    .await;
}
