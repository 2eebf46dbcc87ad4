//! At `maxmemory`: what frees memory passes, and appends do not.

use std::sync::Arc;

use catga::transport::{AppendError, Expect, Part, RecordKey, Release, Ticket, Transport};
use catga_tests::servers::redis::RedisServer;

use super::{Shop, ack, append_of, entry, read};

#[tokio::test]
async fn a_full_server_refuses_appends_and_nothing_else() {
    for version in ["7.0", "8.2"] {
        let server = RedisServer::start(version);
        let shop = Shop::on(&server).await;
        let queues = shop.redis.queues();
        shop.append(Part::Partition(0), 0..4).await.unwrap();
        shop.append(Part::Shared, 0..3).await.unwrap();
        let opened = shop.open("a-1-1", &[0]).await;
        drop(opened);
        let _: () = shop.past("CONFIG SET maxmemory 1").await;
        // The scripts that are refused must have been heard of before; and those that are not, not.
        let _: () = shop.past("SCRIPT FLUSH").await;

        for part in [Part::Partition(0), Part::Shared] {
            let full = shop.append(part, 4..6).await;
            assert!(matches!(full, Err(AppendError::Full)), "{full:?}");
            let given = [append_of(entry(7), true)];
            let full = queues.append(&shop.queue(part), 1, &given).await;
            assert!(matches!(full[0], Err(AppendError::Full)), "{full:?}");
        }

        queues.provision(&"other".into(), 2).await.unwrap();
        let mut opened = shop.open("a-1-2", &[0, 1]).await;
        let received = read(&mut opened.intake, 4).await.unwrap();
        shop.ack("a-1-2", &[&received[0]]).await.unwrap();
        let generation = shop.generation("a-1-2");
        let release = Release::Partition(&generation, ack(&received[1]));
        shop.bury("one", &entry(1), Some(release)).await;
        let oldest = queues.oldest(&shop.service, 0).await.unwrap();
        assert_eq!(oldest, Some(received[2].position.sequence));
        let letters = queues.letters(&shop.service, 0, 10).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert!(
            queues
                .discard(&shop.service, letters[0].number)
                .await
                .unwrap()
        );
        queues.close(&generation).await.unwrap();

        let mut shared = queues.share(&shop.service, "a").await.unwrap();
        let taken = shared.next(3).await.unwrap();
        let tickets: Vec<Ticket> = taken.iter().map(|taken| taken.ticket.clone()).collect();
        queues.extend(&shop.service, &tickets).await.unwrap();
        queues.settle(&shop.service, &tickets[..1]).await.unwrap();
        queues
            .give_back(&shop.service, &tickets[1..2])
            .await
            .unwrap();
        let again = shared.next(3).await.unwrap();
        assert_eq!(again.len(), 1);
        let release = Release::Shared(tickets[2].clone());
        shop.bury("two", &entry(2), Some(release)).await;
        assert_eq!(
            shop.past::<u64>(&format!("XLEN {}:{{shop}}:q:shared", shop.namespace))
                .await,
            1
        );

        let marks = shop.redis.marks();
        let written = marks.write(&shop.service, "m", "v".into(), Expect::Absent, None);
        written.await.unwrap();
        marks.remove(&shop.service, "m", None).await.unwrap();
        let key = RecordKey::Owners(Arc::clone(&shop.service));
        let records = shop.redis.records();
        let written = records.write(&key, "v".into(), Expect::Absent, None).await;
        let revision = written.unwrap().revision;
        records.watch().await.unwrap();
        records.identity().await.unwrap();
        records.remove(&key, revision).await.unwrap();

        let _: () = shop.past("CONFIG SET maxmemory 0").await;
        shop.append(Part::Partition(0), 8..9).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_refused_is_stored_when_it_is_repeated() {
    let server = RedisServer::start("7.0");
    let shop = Shop::on(&server).await;
    let queue = shop.queue(Part::Partition(0));
    let entries: Vec<_> = (0..3).map(|n| append_of(entry(n), true)).collect();
    let _: () = shop.past("CONFIG SET maxmemory 1").await;
    let full = shop.redis.queues().append(&queue, 1, &entries).await;
    assert!(
        full.iter()
            .all(|full| matches!(full, Err(AppendError::Full)))
    );
    let _: () = shop.past("CONFIG SET maxmemory 0").await;
    let stored = shop.redis.queues().append(&queue, 1, &entries).await;
    assert!(
        stored
            .iter()
            .all(|stored| matches!(stored, Ok(catga::transport::Appended::New)))
    );
}
