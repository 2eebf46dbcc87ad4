//! What lies where, for people and for programs in other languages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use catga::transport::{DOOR, Durability, Expect, Part, Transport};
use catga_tests::servers::redis::RedisServer;

use super::{Shop, append_of, entry, read};
use crate::site::each_server;

#[tokio::test]
async fn entries_are_readable() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        shop.append(Part::Partition(3), 7..8).await.unwrap();
        let stream = format!("{}:{{shop}}:q:3", shop.namespace);
        let found: Vec<(String, BTreeMap<String, String>)> =
            shop.past(&format!("XRANGE {stream} - +")).await;
        let fields = &found[0].1;
        for (name, value) in [
            ("ce-type", "shop.Placed"),
            ("ce-source", "shop"),
            ("ce-specversion", "1.0"),
            ("ce-time", "2026-11-22T13:30:20.123Z"),
            ("ce-partitionkey", "k"),
            ("content-type", "application/json"),
            ("tenant", "acme"),
            ("data", "7"),
        ] {
            assert_eq!(fields[name], value);
        }
        let mut opened = shop.open("a-1-1", &[3]).await;
        let received = read(&mut opened.intake, 1).await.unwrap();
        let stored = received[0].position.stored.to_string();
        assert!(found[0].0.starts_with(&stored), "{} {stored}", found[0].0);
    }
}

#[tokio::test]
async fn a_service_leaves_nothing_behind_and_lies_in_one_slot() {
    for (service, tag) in [("shop", "{shop}"), (DOOR, "in")] {
        let server = RedisServer::start("8.2");
        let shop = Shop::named(&server, service).await;
        let entries = [append_of(entry(1), true), append_of(entry(2), false)];
        let queue = shop.queue(Part::Partition(0));
        shop.redis.queues().append(&queue, 1, &entries).await;
        let mut opened = shop.open("a-1-1", &[0, 1]).await;
        let received = read(&mut opened.intake, 2).await.unwrap();
        shop.ack("a-1-1", &[&received[0], &received[1]])
            .await
            .unwrap();
        shop.bury("l", &entry(3), None).await;
        let marks = shop.redis.marks();
        let written = marks.write(
            &shop.service,
            "m",
            "v".into(),
            Expect::Absent,
            Some(Duration::from_secs(9)),
        );
        written.await.unwrap();
        shop.redis
            .queues()
            .close(&shop.generation("a-1-1"))
            .await
            .unwrap();
        let keys: Vec<String> = shop.past("KEYS *").await;
        let ends: BTreeSet<_> = keys
            .iter()
            .map(|key| key.split(tag).nth(1).unwrap_or_else(|| panic!("{key}")))
            .collect();
        assert!(ends.iter().any(|end| end.ends_with(":dead")), "{ends:?}");
        let mut slots = BTreeSet::new();
        let mut lasting = Vec::new();
        for key in &keys {
            // As a cluster computes it: of what is between braces, or else of all of it.
            let hashed = match key.split_once('{') {
                Some((_, rest)) => rest.split_once('}').unwrap().0,
                None => key,
            };
            slots.insert(hashed);
            if shop.past::<i64>(&format!("PTTL {key}")).await < 0 {
                lasting.push(key);
            }
        }
        assert_eq!(slots.len(), 1, "{keys:?}");
        // The queues themselves, the letters, the mark, writers and versions.
        assert!(lasting.len() <= 8, "{lasting:?}");
    }
}

#[tokio::test]
async fn a_key_of_another_program_is_named() {
    let [server, _] = each_server();
    let shop = Shop::on(server).await;
    let _: () = shop
        .past(&format!("SET {}:{{other}}:q:1 x", shop.namespace))
        .await;
    let refused = shop
        .redis
        .queues()
        .provision(&"other".into(), 2)
        .await
        .unwrap_err();
    let texts = catga_tests::texts(&refused).join(": ");
    assert!(
        texts.contains("{other}:q:1` should be a stream and is a string"),
        "{texts}"
    );
}

#[tokio::test]
async fn writers_that_are_gone_are_forgotten() {
    let [server, _] = each_server();
    let shop = Shop::on(server).await;
    let writers = format!("{}:{{shop}}:writers:0", shop.namespace);
    let queue = shop.queue(Part::Partition(0));
    shop.append(Part::Partition(0), 0..1).await.unwrap();
    let _: () = shop.past(&format!("HSET {writers} old {:020}", 5)).await;
    let mut set = redis::cmd("HSET");
    set.arg(&writers)
        .arg("older")
        .arg(format!("{:020} 1000", 5));
    let _: u32 = set.query_async(&mut shop.past.clone()).await.unwrap();
    shop.redis
        .queues()
        .append(&queue, 2, &[append_of(entry(1), false)])
        .await;
    let left: Vec<String> = shop.past(&format!("HKEYS {writers}")).await;
    assert!(!left.contains(&"older".to_owned()), "{left:?}");
    assert_eq!(left.len(), 3);
}

#[tokio::test]
async fn ids_that_count_on_go_to_the_next_millisecond_in_time() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        // As after a clock that fell back while millions were appended.
        let stream = format!("{}:{{shop}}:q:0", shop.namespace);
        let future = 2_000_000_000_000_u64;
        let _: String = shop
            .past(&format!("XADD {stream} {future}-2097151 a b"))
            .await;
        let _: u32 = shop.past(&format!("XDEL {stream} {future}-2097151")).await;
        for n in 0..4 {
            shop.append(Part::Partition(0), n * 3..n * 3 + 3)
                .await
                .unwrap();
        }
        let mut opened = shop.open("a-1-1", &[0]).await;
        let received = read(&mut opened.intake, 12).await.unwrap();
        assert!(
            received
                .windows(2)
                .all(|pair| pair[0].position.sequence < pair[1].position.sequence)
        );
        assert_eq!(received[2].position.stored, future);
        assert_eq!(received[3].position.stored, future + 1);
    }
}

#[tokio::test]
async fn the_tap_shows_events() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let queues = shop.redis.queues();
        queues.tap(Some("shop.eu.placed"), &entry(1)).await.unwrap();
        queues.tap(None, &entry(2)).await.unwrap();
        for topic in ["shop.eu.placed", "shop.Placed"] {
            let length: u64 = shop
                .past(&format!("XLEN {}:ev:{topic}", shop.namespace))
                .await;
            assert_eq!(length, 1);
        }
    }
}

#[tokio::test]
async fn what_is_promised_is_what_is_set() {
    for (version, sync, durability) in [
        ("7.0", "always", Durability::Machine),
        (
            "8.2",
            "everysec",
            Durability::Process(Duration::from_secs(1)),
        ),
    ] {
        let settings = [
            ["appendonly", "yes"],
            ["appendfsync", sync],
            ["maxmemory", "100mb"],
        ];
        let server = RedisServer::with(version, &settings);
        let shop = Shop::on(&server).await;
        let told = shop.redis.guarantees().await.unwrap();
        assert_eq!(told.durability, durability);
        assert_eq!((told.replicas, told.notes.len()), (1, 0));
        assert!(
            told.broker.starts_with(&format!("Redis {version}")),
            "{}",
            told.broker
        );
        // Somebody who may not ask for settings.
        let _: () = shop
            .past("ACL SETUSER guest on >secret ~* &* +@all -config")
            .await;
        let url = server.url().replace("//", "//guest:secret@");
        let told = catga::transport::Redis::url(&url)
            .guarantees()
            .await
            .unwrap();
        assert_eq!(told.durability, Durability::Unsynced);
        assert!(told.notes[0].contains("refused"), "{told}");
    }
    let server = RedisServer::start("8.2");
    let told = Shop::on(&server).await.redis.guarantees().await.unwrap();
    assert_eq!(told.durability, Durability::Memory);
}
