//! Shared queues: what the group knows of its consumers.

use std::time::Duration;

use catga::transport::{Part, Transport};
use tokio::time::timeout;

use super::{SOON, Shop};
use crate::site::each_server;

#[tokio::test]
async fn what_is_given_back_goes_to_whoever_waits() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let queues = shop.redis.queues();
        let mut a = queues.share(&shop.service, "a").await.unwrap();
        shop.append(Part::Shared, 0..3).await.unwrap();
        let taken = a.next(3).await.unwrap();
        assert_eq!(taken.len(), 3);
        let mut b = queues.share(&shop.service, "b").await.unwrap();
        let waits = tokio::spawn(async move {
            let next = timeout(SOON, b.next(3)).await;
            (next, b)
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let tickets = [taken[1].ticket.clone()];
        queues.give_back(&shop.service, &tickets).await.unwrap();
        let (next, mut b) = waits.await.unwrap();
        let next = next.unwrap().unwrap();
        assert_eq!((next.len(), next[0].taken), (1, 2));
        assert_eq!(next[0].entry, taken[1].entry);
        // Nothing that is done with the former ticket touches it.
        queues.give_back(&shop.service, &tickets).await.unwrap();
        queues.extend(&shop.service, &tickets).await.unwrap();
        assert!(
            timeout(Duration::from_millis(200), b.next(3))
                .await
                .is_err()
        );
        let all = [&taken[0], &taken[2], &next[0]].map(|taken| taken.ticket.clone());
        queues.settle(&shop.service, &all).await.unwrap();
        let stream = format!("{}:{{shop}}:q:shared", shop.namespace);
        assert_eq!(shop.past::<u64>(&format!("XLEN {stream}")).await, 0);
    }
}

#[tokio::test]
async fn what_a_consumer_left_is_taken_over_and_counted() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let queues = shop.redis.queues();
        shop.append(Part::Shared, 0..2).await.unwrap();
        let mut a = queues.share(&shop.service, "a").await.unwrap();
        let left = a.next(2).await.unwrap();
        drop(a);
        // As if it had been there for a minute.
        let stream = format!("{}:{{shop}}:q:shared", shop.namespace);
        let pending: Vec<(String, String, u64, u64)> =
            shop.past(&format!("XPENDING {stream} shared - + 10")).await;
        for (id, ..) in &pending {
            let _: Vec<String> = shop
                .past(&format!(
                    "XCLAIM {stream} shared a 0 {id} IDLE 60000 JUSTID"
                ))
                .await;
        }
        let mut b = queues.share(&shop.service, "b").await.unwrap();
        let taken = timeout(SOON, b.next(5)).await.unwrap().unwrap();
        assert_eq!(taken.len(), 2);
        assert!(taken.iter().all(|taken| taken.taken == 2));
        // What the dead one says has no effect, but what is handled is handled.
        let tickets: Vec<_> = left.iter().map(|left| left.ticket.clone()).collect();
        queues.give_back(&shop.service, &tickets).await.unwrap();
        assert!(
            timeout(Duration::from_millis(200), b.next(5))
                .await
                .is_err()
        );
        queues.settle(&shop.service, &tickets).await.unwrap();
        assert_eq!(shop.past::<u64>(&format!("XLEN {stream}")).await, 0);
    }
}

#[tokio::test]
async fn what_an_answer_brought_that_nobody_took_for_long_is_handed_out_once() {
    let shop = Shop::on(each_server()[0]).await;
    let queues = shop.redis.queues();
    let mut a = queues.share(&shop.service, "a").await.unwrap();
    let moment = Duration::from_millis(200);
    assert!(timeout(moment, a.next(3)).await.is_err());
    // The read that nobody waits for any more gets it.
    shop.append(Part::Shared, 0..1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(16)).await;
    // As if the server's clock had gone on for as long as it hides an entry.
    let stream = format!("{}:{{shop}}:q:shared", shop.namespace);
    let pending: Vec<(String, String, u64, u64)> =
        shop.past(&format!("XPENDING {stream} shared - + 10")).await;
    assert_eq!((pending.len(), pending[0].1.as_str()), (1, "a"));
    let id = &pending[0].0;
    let claim = format!("XCLAIM {stream} shared a 0 {id} IDLE 60000 JUSTID");
    let _: Vec<String> = shop.past(&claim).await;
    let taken = timeout(SOON, a.next(3)).await.unwrap().unwrap();
    assert_eq!((taken.len(), taken[0].taken), (1, 2));
    assert!(timeout(5 * moment, a.next(3)).await.is_err(), "again");
}

/// The script that forgets, past the transport: nobody waits until a consumer is old enough.
const SHARE: &str = include_str!("../../../../catga/src/transport/redis/queues/scripts/share.lua");

#[tokio::test]
async fn consumers_that_have_nothing_and_ask_for_nothing_are_forgotten() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let queues = shop.redis.queues();
        shop.append(Part::Shared, 0..2).await.unwrap();
        let mut has_one = queues.share(&shop.service, "has-one").await.unwrap();
        has_one.next(1).await.unwrap();
        let mut has_none = queues.share(&shop.service, "has-none").await.unwrap();
        let taken = has_none.next(1).await.unwrap();
        let tickets = [taken[0].ticket.clone()];
        queues.settle(&shop.service, &tickets).await.unwrap();
        drop((has_one, has_none));
        let stream = format!("{}:{{shop}}:q:shared", shop.namespace);
        let names = async || {
            let consumers: Vec<std::collections::BTreeMap<String, redis::Value>> =
                shop.past(&format!("XINFO CONSUMERS {stream} shared")).await;
            consumers.len()
        };
        let _third = queues.share(&shop.service, "third").await.unwrap();
        assert_eq!(names().await, 2, "both asked a moment ago");
        let mut share = redis::cmd("EVAL");
        share.arg(SHARE).arg(1).arg(&stream).arg("shared").arg(-1);
        let _: String = share.query_async(&mut shop.past.clone()).await.unwrap();
        assert_eq!(names().await, 1, "one has an entry");
    }
}
