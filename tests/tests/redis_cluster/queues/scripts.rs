//! A server that forgets its scripts.

use catga::transport::{Expect, Part, Transport};
use catga_tests::servers::redis::RedisServer;

use super::{Shop, entry, read, texts};
use crate::site::each_server;

#[tokio::test]
async fn scripts_that_were_forgotten_are_loaded_again() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let queues = shop.redis.queues();
        for round in 0..3_u32 {
            let forget = async || {
                let _: () = shop.past("SCRIPT FLUSH").await;
            };
            forget().await;
            queues.provision(&shop.service, 4).await.unwrap();
            forget().await;
            shop.append(Part::Partition(0), [round]).await.unwrap();
            forget().await;
            let name = format!("a-1-{round}");
            let mut opened = shop.open(&name, &[0]).await;
            let received = read(&mut opened.intake, 1).await.unwrap();
            assert_eq!(texts(&received), [round]);
            forget().await;
            shop.ack(&name, &[&received[0]]).await.unwrap();
            forget().await;
            shop.bury(&name, &entry(1), None).await;
            forget().await;
            let marks = shop.redis.marks();
            let written = marks.write(&shop.service, &name, "v".into(), Expect::Absent, None);
            written.await.unwrap();
            forget().await;
            let read = marks.read(&shop.service, &name).await.unwrap();
            assert_eq!(&read.record.unwrap().value[..], b"v");
            forget().await;
            marks.remove(&shop.service, &name, None).await.unwrap();
        }
        let letters = queues.letters(&shop.service, 0, 10).await.unwrap();
        assert_eq!(letters.len(), 3);
    }
}

#[tokio::test]
async fn scripts_that_are_forgotten_all_the_time_run() {
    for version in ["7.0", "8.2"] {
        let server = RedisServer::start(version);
        let shop = Shop::on(&server).await;
        let mut past = shop.past.clone();
        let forgetting = tokio::spawn(async move {
            loop {
                let mut flush = redis::cmd("SCRIPT");
                let _: () = flush.arg("FLUSH").query_async(&mut past).await.unwrap();
            }
        });
        for number in 0..1_000 {
            let part = Part::Partition(number % 4);
            shop.append(part, [number]).await.unwrap();
        }
        forgetting.abort();
        assert!(forgetting.await.unwrap_err().is_cancelled());
    }
}
