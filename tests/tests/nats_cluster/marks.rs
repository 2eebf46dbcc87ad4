//! Marks in a bucket: what is not the same as for the records.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catga::transport::{Expect, Nats, Transport as _, WriteError};
use tokio::time::{Instant, sleep};

use crate::site::{each_server, fresh_namespace};

#[tokio::test]
async fn a_mark_runs_out_and_can_be_made_anew() {
    for server in each_server() {
        let nats = Nats::url(&server.url()).namespace(&fresh_namespace());
        let marks = nats.marks();
        let service: Arc<str> = "shop".into();
        let value = || Bytes::from_static(b"1");
        let second = Some(Duration::from_millis(900));
        for _ in 0..2 {
            let written = Instant::now();
            let write = || marks.write(&service, "a=_-9", value(), Expect::Absent, second);
            let first = write().await.unwrap();
            assert!(matches!(write().await, Err(WriteError::Conflict)));
            let other: Arc<str> = "other".into();
            assert_eq!(marks.read(&other, "a=_-9").await.unwrap().record, None);
            let record = marks.read(&service, "a=_-9").await.unwrap().record.unwrap();
            assert_eq!((record.value, record.revision), (value(), first.revision));
            while marks
                .read(&service, "a=_-9")
                .await
                .unwrap()
                .record
                .is_some()
            {
                sleep(Duration::from_millis(20)).await;
            }
            assert!(written.elapsed() >= Duration::from_millis(990));
            assert!(written.elapsed() <= Duration::from_millis(1_500));
        }
    }
}

#[tokio::test]
async fn a_mark_that_is_removed_is_gone_and_never_has_an_old_version() {
    for server in each_server() {
        let nats = Nats::url(&server.url()).namespace(&fresh_namespace());
        let marks = nats.marks();
        let service: Arc<str> = "shop".into();
        let write = |expect| marks.write(&service, "a", Bytes::new(), expect, None);
        marks.remove(&service, "a", None).await.unwrap();
        let first = write(Expect::Absent).await.unwrap();
        for _ in 0..2 {
            marks.remove(&service, "a", None).await.unwrap();
        }
        assert_eq!(marks.read(&service, "a").await.unwrap().record, None);
        let stale = write(Expect::Revision(first.revision)).await;
        assert!(matches!(stale, Err(WriteError::Conflict)));
        let second = write(Expect::Absent).await.unwrap();
        assert!(second.revision > first.revision);
    }
}
