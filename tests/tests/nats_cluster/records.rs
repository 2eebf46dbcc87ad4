//! The shared records: what they promise, beyond what the suite sees of it.

use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use catga::transport::{
    Change, Expect, Nats, RecordKey, Revision, Transport as _, Watch, WriteError,
};
use catga_tests::servers::nats::NatsServer;
use catga_tests::servers::proxy::{Flow, Proxy};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::site::{each_server, fresh_namespace};

fn key() -> RecordKey {
    RecordKey::Owners("shop".into())
}

async fn write_for(
    nats: &Nats,
    value: &'static str,
    expect: Expect,
    expires: Option<Duration>,
) -> Result<Revision, WriteError> {
    let value = Bytes::from_static(value.as_bytes());
    let written = nats.records().write(&key(), value, expect, expires).await;
    written.map(|written| written.revision)
}

async fn write(nats: &Nats, value: &'static str, expect: Expect) -> Result<Revision, WriteError> {
    write_for(nats, value, expect, None).await
}

async fn value(nats: &Nats) -> Option<String> {
    let read = nats.records().read(&key()).await.unwrap();
    let record = read.record?;
    Some(String::from_utf8(record.value.to_vec()).unwrap())
}

fn is_conflict<T>(result: Result<T, WriteError>) -> bool {
    matches!(result, Err(WriteError::Conflict))
}

async fn next(watch: &mut Box<dyn Watch>) -> Option<Change> {
    let next = timeout(Duration::from_secs(5), watch.next()).await;
    next.expect("the watch says nothing")
}

/// A watch that has told everything that was there.
async fn current(nats: &Nats) -> Box<dyn Watch> {
    let mut watch = nats.records().watch().await.unwrap();
    while next(&mut watch).await.unwrap() != Change::Current {}
    watch
}

fn on(server: &NatsServer) -> Nats {
    Nats::url(&server.url()).namespace(&fresh_namespace())
}

#[tokio::test]
async fn a_write_is_done_only_if_the_record_is_as_expected() {
    for server in each_server() {
        let nats = on(server);
        assert_eq!(value(&nats).await, None);
        for never in [0, 1, 7] {
            let expect = Expect::Revision(Revision(never));
            assert!(is_conflict(write(&nats, "a", expect).await), "{never}");
        }
        let first = write(&nats, "a", Expect::Absent).await.unwrap();
        assert!(is_conflict(write(&nats, "b", Expect::Absent).await));
        let second = write(&nats, "b", Expect::Revision(first)).await.unwrap();
        assert!(second > first);
        assert!(is_conflict(
            write(&nats, "c", Expect::Revision(first)).await
        ));
        assert_eq!(value(&nats).await.as_deref(), Some("b"));
        assert!(is_conflict(nats.records().remove(&key(), first).await));
        nats.records().remove(&key(), second).await.unwrap();
        assert!(is_conflict(nats.records().remove(&key(), second).await));
        assert!(is_conflict(
            write(&nats, "c", Expect::Revision(second)).await
        ));
        assert_eq!(value(&nats).await, None);
        let third = write(&nats, "c", Expect::Absent).await.unwrap();
        assert!(third > second, "it never has an old version");
    }
}

#[tokio::test]
async fn of_many_writers_one_wins() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let nats = || Nats::url(&server.url()).namespace(&namespace);
        let writers = [(); 8].map(|()| nats());
        let mut last = write(&writers[0], "0", Expect::Absent).await.unwrap();
        for _ in 0..50 {
            let turns: Vec<_> = (writers.iter().cloned())
                .map(|nats| {
                    tokio::spawn(async move { write(&nats, "x", Expect::Revision(last)).await })
                })
                .collect();
            let mut won = Vec::new();
            for turn in turns {
                match turn.await.unwrap() {
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
async fn what_runs_out_is_told_to_watchers_at_once() {
    for server in each_server() {
        let nats = on(server);
        let mut watch = current(&nats).await;
        let second = Some(Duration::from_millis(600));
        let mut expect = Expect::Absent;
        // The second time it is written over the marker of the first.
        for _ in 0..2 {
            let revision = write_for(&nats, "a", expect, second).await.unwrap();
            let renewed = Instant::now();
            tokio::time::sleep(Duration::from_millis(700)).await;
            let renewing = write_for(&nats, "b", Expect::Revision(revision), second).await;
            renewing.unwrap();
            let written = Instant::now();
            assert!(matches!(next(&mut watch).await, Some(Change::Put(..))));
            assert!(matches!(next(&mut watch).await, Some(Change::Put(..))));
            assert_eq!(next(&mut watch).await, Some(Change::Removed(key())));
            let took = written.elapsed();
            assert!(took >= Duration::from_millis(990), "{took:?}");
            assert!(took <= Duration::from_millis(1_250), "{took:?}");
            assert!(renewed.elapsed() >= Duration::from_millis(1_690));
            assert_eq!(value(&nats).await, None);
            expect = Expect::Absent;
        }
    }
}

#[tokio::test]
async fn a_watch_tells_what_there_is_and_then_each_change_at_once() {
    for server in each_server() {
        let nats = on(server);
        let removed = RecordKey::Service("gone".into());
        let records = nats.records();
        let written = records
            .write(&removed, Bytes::new(), Expect::Absent, None)
            .await
            .unwrap();
        let first = write(&nats, "1", Expect::Absent).await.unwrap();
        records.remove(&removed, written.revision).await.unwrap();
        let mut watch = nats.records().watch().await.unwrap();
        let Some(Change::Put(found, record)) = next(&mut watch).await else {
            panic!("no record");
        };
        assert_eq!((found, record.revision), (key(), first));
        assert_eq!(next(&mut watch).await, Some(Change::Current));
        let mut last = first;
        let mut slowest = Duration::ZERO;
        for _ in 0..200 {
            let started = Instant::now();
            last = write(&nats, "2", Expect::Revision(last)).await.unwrap();
            let Some(Change::Put(_, record)) = next(&mut watch).await else {
                panic!("no change");
            };
            slowest = slowest.max(started.elapsed());
            assert_eq!(record.revision, last);
        }
        assert!(slowest < Duration::from_millis(500), "{slowest:?}");
        records.remove(&key(), last).await.unwrap();
        assert_eq!(next(&mut watch).await, Some(Change::Removed(key())));
    }
}

#[tokio::test]
async fn reads_go_to_the_leader() {
    for server in each_server() {
        let nats = on(server);
        write(&nats, "1", Expect::Absent).await.unwrap();
        let observer = async_nats::connect(server.url()).await.unwrap();
        let mut questions = observer.subscribe("$JS.API.>").await.unwrap();
        observer.flush().await.unwrap();
        // Now the subscription is known.
        let _ = observer.request("nobody", "".into()).await.unwrap_err();
        value(&nats).await.unwrap();
        loop {
            let question = timeout(Duration::from_secs(5), questions.next()).await;
            let subject = question.unwrap().unwrap().subject;
            assert!(!subject.starts_with("$JS.API.DIRECT."), "{subject}");
            if subject.starts_with("$JS.API.STREAM.MSG.GET.KV_") {
                break;
            }
        }
    }
}

#[tokio::test]
async fn namespaces_do_not_see_each_other() {
    for server in each_server() {
        let (here, there) = (on(server), on(server));
        let mut watches = [current(&here).await, current(&there).await];
        write(&here, "1", Expect::Absent).await.unwrap();
        assert!(matches!(next(&mut watches[0]).await, Some(Change::Put(..))));
        assert_eq!(value(&there).await, None);
        let told = timeout(Duration::from_millis(300), watches[1].next()).await;
        assert!(told.is_err(), "{told:?}");
    }
}

#[tokio::test]
async fn a_watch_ends_with_its_connection_and_the_next_one_is_complete() {
    for server in each_server() {
        let proxy = Proxy::to(server.port()).await;
        let namespace = fresh_namespace();
        let url = format!("nats://127.0.0.1:{}", proxy.port());
        let nats = Nats::url(&url).namespace(&namespace);
        let other = Nats::url(&server.url()).namespace(&namespace);
        let first = write(&nats, "1", Expect::Absent).await.unwrap();
        let identity = nats.records().identity().await.unwrap();
        let mut watch = current(&nats).await;
        proxy.set(Flow::Cut);
        assert_eq!(next(&mut watch).await, None);
        write(&other, "2", Expect::Revision(first)).await.unwrap();
        proxy.set(Flow::Open);
        let mut watch = nats.records().watch().await.unwrap();
        let Some(Change::Put(_, record)) = next(&mut watch).await else {
            panic!("no record");
        };
        assert_eq!(record.value, "2");
        assert_eq!(next(&mut watch).await, Some(Change::Current));
        assert_eq!(nats.records().identity().await.unwrap(), identity);
    }
}

#[tokio::test]
async fn a_lost_answer_is_an_error_soon_and_the_write_may_be_done() {
    let [server, _] = each_server();
    let proxy = Proxy::to(server.port()).await;
    let nats = Nats::url(&format!("nats://127.0.0.1:{}", proxy.port()));
    let nats = nats.namespace(&fresh_namespace());
    write(&nats, "1", Expect::Absent).await.unwrap();
    proxy.set(Flow::Held);
    let cut = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.set(Flow::Open);
        proxy.cut();
    };
    let started = Instant::now();
    let service = RecordKey::Service("shop".into());
    let writing = nats
        .records()
        .write(&service, Bytes::new(), Expect::Absent, None);
    let (written, ()) = tokio::join!(writing, cut);
    assert!(matches!(written, Err(WriteError::Transport(_))) || written.is_ok());
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(value(&nats).await.as_deref(), Some("1"), "it goes on");
}

#[tokio::test]
async fn a_bucket_that_was_made_anew_or_fell_back_is_another_store() {
    for version in ["2.11", "2.15"] {
        let mut server = NatsServer::start(version);
        let nats = Nats::url(&server.url());
        let identity = async || nats.records().identity().await;
        let after_a_break = async || {
            // The first may be asked over the connection that is gone.
            match identity().await {
                Ok(identity) => identity,
                Err(_) => identity().await.unwrap(),
            }
        };
        let first = write(&nats, "1", Expect::Absent).await.unwrap();
        let before = identity().await.unwrap();
        let copy = |from: &str, to: &str| {
            let folder = server.folder();
            let mut copy = Command::new("cp");
            copy.arg("-rT").arg(folder.join(from)).arg(folder.join(to));
            assert!(copy.status().unwrap().success());
        };
        // The server writes to its disk a moment after it has answered.
        tokio::time::sleep(Duration::from_millis(500)).await;
        copy("jetstream", "then");
        let second = write(&nats, "2", Expect::Revision(first)).await.unwrap();
        assert_eq!(identity().await.unwrap(), before);
        server.process().end();
        let folder = server.folder();
        std::fs::remove_dir_all(folder.join("jetstream")).unwrap();
        std::fs::rename(folder.join("then"), folder.join("jetstream")).unwrap();
        server.restart();
        let fallen = after_a_break().await;
        assert_ne!(fallen, before, "it fell back");
        assert_eq!(value(&nats).await.as_deref(), Some("1"));
        assert_eq!(identity().await.unwrap(), fallen);
        assert!(is_conflict(
            write(&nats, "3", Expect::Revision(second)).await
        ));
        let client = async_nats::connect(server.url()).await.unwrap();
        let delete = client.request("$JS.API.STREAM.DELETE.KV_catga_cluster", "".into());
        delete.await.unwrap();
        assert_eq!(
            {
                // The first that finds it gone fails, the next makes it anew.
                let _ = nats.records().read(&key()).await;
                value(&nats).await
            },
            None
        );
        assert_ne!(identity().await.unwrap(), fallen, "it is new");
        write(&nats, "1", Expect::Absent).await.unwrap();
    }
}
