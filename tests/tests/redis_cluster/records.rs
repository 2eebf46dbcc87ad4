//! The shared records: what they promise, beyond what the suite sees of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use catga::transport::{Change, Expect, RecordKey, Redis, Revision, Transport, Watch, WriteError};
use catga_tests::servers::redis::connection;
use tokio::time::timeout;

use crate::site::{each_server, fresh_namespace};

fn key() -> RecordKey {
    RecordKey::Owners("shop".into())
}

async fn write(redis: &Redis, value: &'static str, expect: Expect) -> Result<Revision, WriteError> {
    let value = Bytes::from_static(value.as_bytes());
    let written = redis.records().write(&key(), value, expect, None).await;
    written.map(|written| written.revision)
}

async fn value(redis: &Redis) -> Option<String> {
    let read = redis.records().read(&key()).await.unwrap();
    let record = read.record?;
    Some(String::from_utf8(record.value.to_vec()).unwrap())
}

fn is_conflict<T>(result: Result<T, WriteError>) -> bool {
    matches!(result, Err(WriteError::Conflict))
}

#[tokio::test]
async fn a_write_is_done_only_if_the_record_is_as_expected() {
    for server in each_server() {
        let redis = Redis::url(&server.url()).namespace(&fresh_namespace());
        assert_eq!(value(&redis).await, None);
        assert!(is_conflict(
            write(&redis, "a", Expect::Revision(Revision(1))).await
        ));
        let first = write(&redis, "a", Expect::Absent).await.unwrap();
        assert!(is_conflict(write(&redis, "b", Expect::Absent).await));
        let second = write(&redis, "b c", Expect::Revision(first)).await.unwrap();
        assert!(second > first);
        assert!(is_conflict(
            write(&redis, "d", Expect::Revision(first)).await
        ));
        assert_eq!(value(&redis).await.as_deref(), Some("b c"));
        assert!(is_conflict(redis.records().remove(&key(), first).await));
        redis.records().remove(&key(), second).await.unwrap();
        assert!(is_conflict(redis.records().remove(&key(), second).await));
        assert_eq!(value(&redis).await, None);
        let third = write(&redis, "a", Expect::Absent).await.unwrap();
        assert!(
            third > second,
            "one that was removed never has an old version"
        );
    }
}

#[tokio::test]
async fn of_many_writers_one_wins() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let first = Redis::url(&server.url()).namespace(&namespace);
        let mut last = write(&first, "0", Expect::Absent).await.unwrap();
        for _ in 0..50 {
            let writers: Vec<_> = (0..8)
                .map(|_| {
                    let redis = Redis::url(&server.url()).namespace(&namespace);
                    tokio::spawn(async move { write(&redis, "x", Expect::Revision(last)).await })
                })
                .collect();
            let mut won = Vec::new();
            for writer in writers {
                match writer.await.unwrap() {
                    Ok(revision) => won.push(revision),
                    Err(error) => assert!(matches!(error, WriteError::Conflict), "{error}"),
                }
            }
            assert_eq!(won.len(), 1);
            assert!(won[0] > last);
            last = won[0];
        }
    }
}

#[tokio::test]
async fn versions_rise_over_all_records_and_after_everything_was_lost() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let redis = Redis::url(&server.url()).namespace(&namespace);
        let mut last = Revision(0);
        for service in ["a", "b", "c"].repeat(3) {
            for key in [
                RecordKey::Service(service.into()),
                RecordKey::Owners(service.into()),
            ] {
                let records = redis.records();
                let found = records.read(&key).await.unwrap().record;
                let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
                let written = records.write(&key, Bytes::new(), expect, None).await;
                let revision = written.unwrap().revision;
                assert!(revision > last);
                last = revision;
            }
        }
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        let mut delete = redis::cmd("DEL");
        for what in ["version", "services", "owners"] {
            delete.arg(format!("{namespace}:{{cluster}}:{what}"));
        }
        let deleted: u32 = delete.query_async(&mut connection).await.unwrap();
        assert_eq!(deleted, 3);
        let after = write(&redis, "a", Expect::Absent).await.unwrap();
        assert!(after > last);
    }
}

#[tokio::test]
async fn members_are_readable_and_sorted_by_time_and_nothing_expires() {
    use catga::Node;
    for server in each_server() {
        let namespace = fresh_namespace();
        let redis = Redis::url(&server.url()).namespace(&namespace);
        let node = Node::builder("shop").id("a").broker(redis).only(|_| false);
        let node = node.start().await.unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        let key = |what: &str| format!("{namespace}:{{cluster}}:{what}");
        let mut range = redis::cmd("ZRANGE");
        range.arg(key("members")).arg(0).arg(-1).arg("WITHSCORES");
        let members: Vec<(String, u64)> = range.query_async(&mut connection).await.unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].0, "a");
        let now: (u64, u64) = redis::cmd("TIME")
            .query_async(&mut connection)
            .await
            .unwrap();
        assert!(now.0 - members[0].1 <= 4, "{members:?} {now:?}");
        let mut get = redis::cmd("HGET");
        get.arg(key("member")).arg("a");
        let record: String = get.query_async(&mut connection).await.unwrap();
        let (version, value) = record.split_once(' ').unwrap();
        assert!(version.parse::<u64>().unwrap() > 0);
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        assert_eq!(value["service"], "shop");
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("{namespace}:*"))
            .query_async(&mut connection)
            .await
            .unwrap();
        assert!(keys.len() >= 4, "{keys:?}");
        for key in keys {
            let ttl: i64 = redis::cmd("TTL")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .unwrap();
            assert_eq!(ttl, -1, "{key} expires");
        }
        node.shutdown().await.unwrap();
        let members: Vec<(String, u64)> = range.query_async(&mut connection).await.unwrap();
        assert!(members.is_empty(), "{members:?}");
    }
}

async fn next(watch: &mut Box<dyn Watch>) -> Option<Change> {
    let next = timeout(Duration::from_secs(5), watch.next()).await;
    next.expect("the watch says nothing")
}

#[tokio::test]
async fn a_watch_tells_what_there_is_and_then_each_change_at_once() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let redis = Redis::url(&server.url()).namespace(&namespace);
        let other = Redis::url(&server.url()).namespace(&namespace);
        let first = write(&other, "1", Expect::Absent).await.unwrap();
        let mut watch = redis.records().watch().await.unwrap();
        let Some(Change::Put(found, record)) = next(&mut watch).await else {
            panic!("no record");
        };
        assert_eq!((found, record.revision), (key(), first));
        assert_eq!(next(&mut watch).await, Some(Change::Current));
        let mut last = first;
        let mut slowest = Duration::ZERO;
        for _ in 0..200 {
            let started = Instant::now();
            last = write(&other, "2", Expect::Revision(last)).await.unwrap();
            let Some(Change::Put(_, record)) = next(&mut watch).await else {
                panic!("no change");
            };
            slowest = slowest.max(started.elapsed());
            assert_eq!(record.revision, last);
        }
        assert!(slowest < Duration::from_millis(500), "{slowest:?}");
        other.records().remove(&key(), last).await.unwrap();
        assert_eq!(next(&mut watch).await, Some(Change::Removed(key())));
    }
}

#[tokio::test]
async fn a_watch_that_missed_something_ends() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let redis = Redis::url(&server.url()).namespace(&namespace);
        let mut watch = redis.records().watch().await.unwrap();
        assert_eq!(next(&mut watch).await, Some(Change::Current));
        let first = write(&redis, "1", Expect::Absent).await.unwrap();
        assert!(matches!(next(&mut watch).await, Some(Change::Put(..))));
        // Behind the channel's back.
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        let _: u64 = redis::cmd("INCR")
            .arg(format!("{namespace}:{{cluster}}:version"))
            .query_async(&mut connection)
            .await
            .unwrap();
        // Any answer tells of the version, and the channel never does.
        let started = Instant::now();
        let _ = redis.records().read(&key()).await.unwrap();
        assert_eq!(next(&mut watch).await, None);
        assert!(started.elapsed() >= Duration::from_secs(1));
        // The next watch is as good as the first.
        let mut watch = redis.records().watch().await.unwrap();
        assert!(matches!(next(&mut watch).await, Some(Change::Put(..))));
        assert_eq!(next(&mut watch).await, Some(Change::Current));
        // A gap in the channel itself is noticed with the next change.
        let _: u64 = redis::cmd("INCR")
            .arg(format!("{namespace}:{{cluster}}:version"))
            .query_async(&mut connection)
            .await
            .unwrap();
        write(&redis, "2", Expect::Revision(first)).await.unwrap();
        assert_eq!(next(&mut watch).await, None);
    }
}

#[tokio::test]
async fn a_store_whose_versions_are_older_can_be_watched() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let redis = Redis::url(&server.url()).namespace(&namespace);
        write(&redis, "1", Expect::Absent).await.unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        let mut delete = redis::cmd("DEL");
        for what in ["version", "owners"] {
            delete.arg(format!("{namespace}:{{cluster}}:{what}"));
        }
        let _: u32 = delete.query_async(&mut connection).await.unwrap();
        let mut watch = redis.records().watch().await.unwrap();
        assert_eq!(next(&mut watch).await, Some(Change::Current));
        let told = timeout(Duration::from_secs(4), watch.next()).await;
        assert!(told.is_err(), "it goes on: {told:?}");
    }
}

#[tokio::test]
async fn namespaces_and_databases_do_not_see_each_other() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let here = Redis::url(&server.url()).namespace(&namespace);
        let there = Redis::url(&server.url()).namespace(&fresh_namespace());
        let database = Redis::url(&format!("{}/1", server.url())).namespace(&namespace);
        let mut watches = Vec::new();
        for redis in [&here, &there, &database] {
            let mut watch = redis.records().watch().await.unwrap();
            assert_eq!(next(&mut watch).await, Some(Change::Current));
            watches.push(watch);
        }
        write(&here, "1", Expect::Absent).await.unwrap();
        assert!(matches!(next(&mut watches[0]).await, Some(Change::Put(..))));
        for (redis, watch) in [&there, &database].into_iter().zip(&mut watches[1..]) {
            assert_eq!(value(redis).await, None);
            let told = timeout(Duration::from_millis(300), watch.next()).await;
            assert!(told.is_err(), "{told:?}");
        }
    }
}
