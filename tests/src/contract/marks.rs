use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catga::transport::{Expect, Marks, Revision, Transport, WriteError};
use futures_util::future::join_all;

use super::waits::pass;
use crate::suite::Cluster;

/// The marks of one service.
struct Slate {
    transport: Arc<dyn Transport>,
    service: Arc<str>,
}

impl Slate {
    async fn new<C: Cluster>(cluster: &C) -> Self {
        let transport = cluster.transport();
        transport.connect().await.unwrap();
        let service: Arc<str> = "shop".into();
        transport.queues().provision(&service, 2).await.unwrap();
        Self { transport, service }
    }

    fn marks(&self) -> &dyn Marks {
        self.transport.marks()
    }

    async fn read(&self, name: &str) -> Option<(Bytes, Revision)> {
        let read = self.marks().read(&self.service, name).await.unwrap();
        read.record.map(|record| (record.value, record.revision))
    }

    async fn write_for(
        &self,
        name: &str,
        value: &str,
        expect: Expect,
        expires: Option<Duration>,
    ) -> Result<Revision, WriteError> {
        let value = Bytes::from(value.to_owned());
        let marks = self.marks();
        let written = marks.write(&self.service, name, value, expect, expires);
        written.await.map(|written| written.revision)
    }

    async fn write(&self, name: &str, value: &str, expect: Expect) -> Result<Revision, WriteError> {
        self.write_for(name, value, expect, None).await
    }

    async fn remove(&self, name: &str) {
        self.remove_version(name, None).await;
    }

    async fn remove_version(&self, name: &str, revision: Option<Revision>) {
        let remove = self.marks().remove(&self.service, name, revision);
        remove.await.unwrap();
    }
}

#[track_caller]
fn conflicts<T: std::fmt::Debug>(written: Result<T, WriteError>) {
    assert!(matches!(written, Err(WriteError::Conflict)), "{written:?}");
}

pub async fn a_mark_that_nobody_wrote_is_absent<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    assert_eq!(slate.read("nobody").await, None);
    conflicts(
        slate
            .write("nobody", "a", Expect::Revision(Revision(1)))
            .await,
    );
    assert_eq!(slate.read("nobody").await, None);
}

pub async fn a_mark_is_read_as_it_was_written<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    let bytes: String = "a b\n\u{0}größe".repeat(100);
    for (name, value) in [("AZaz09=_-", "v"), ("empty", ""), ("long", &*bytes)] {
        let written = slate.write(name, value, Expect::Absent).await.unwrap();
        let expected = (Bytes::from(value.to_owned()), written);
        assert_eq!(slate.read(name).await, Some(expected));
    }
    let elsewhere = Slate::new(&cluster).await;
    assert_eq!(elsewhere.read("AZaz09=_-").await.unwrap().0, "v");
    // Names are told apart by their case.
    assert_eq!(slate.read("azaz09=_-").await, None);
}

pub async fn writes_are_conditional<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    let first = slate.write("m", "1", Expect::Absent).await.unwrap();
    conflicts(slate.write("m", "x", Expect::Absent).await);
    let second = slate
        .write("m", "2", Expect::Revision(first))
        .await
        .unwrap();
    assert_ne!(first, second);
    conflicts(slate.write("m", "x", Expect::Revision(first)).await);
    let wrong = Revision(second.0.wrapping_add(1));
    conflicts(slate.write("m", "x", Expect::Revision(wrong)).await);
    assert_eq!(slate.read("m").await, Some((Bytes::from("2"), second)));
}

pub async fn of_many_at_once_one_is_written<C: Cluster>(cluster: C) {
    let (a, b) = (Slate::new(&cluster).await, Slate::new(&cluster).await);
    let mut expect = Expect::Absent;
    for round in 0..5 {
        let writes = (0..16).map(|n| {
            let slate = if n % 2 == 0 { &a } else { &b };
            let value = format!("{round} {n}");
            async move {
                let written = slate.write("m", &value, expect).await;
                (value, written)
            }
        });
        let mut written = Vec::new();
        for (value, result) in join_all(writes).await {
            match result {
                Ok(revision) => written.push((Bytes::from(value), revision)),
                lost => conflicts(lost),
            }
        }
        assert_eq!(written.len(), 1, "{written:?}");
        expect = Expect::Revision(written[0].1);
        assert_eq!(a.read("m").await, written.pop());
    }
}

pub async fn a_removed_mark_can_be_written_again<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    let first = slate.write("m", "1", Expect::Absent).await.unwrap();
    slate.remove("m").await;
    assert_eq!(slate.read("m").await, None);
    conflicts(slate.write("m", "x", Expect::Revision(first)).await);
    let again = slate.write("m", "2", Expect::Absent).await.unwrap();
    assert_ne!(first, again, "a version does not come back");
    conflicts(slate.write("m", "x", Expect::Revision(first)).await);
    assert_eq!(slate.read("m").await, Some((Bytes::from("2"), again)));
}

pub async fn removing_is_idempotent<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    slate.remove("never").await;
    slate.write("m", "1", Expect::Absent).await.unwrap();
    slate.remove("m").await;
    slate.remove("m").await;
    assert_eq!(slate.read("m").await, None);
}

pub async fn a_late_removal_leaves_a_later_version<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    let first = slate.write("m", "1", Expect::Absent).await.unwrap();
    let expect = Expect::Revision(first);
    let second = slate.write("m", "2", expect).await.unwrap();
    slate.remove_version("m", Some(first)).await;
    assert_eq!(slate.read("m").await, Some((Bytes::from("2"), second)));
    slate.remove_version("m", Some(second)).await;
    assert_eq!(slate.read("m").await, None);
    // Nor what was written after it was removed.
    let third = slate.write("m", "3", Expect::Absent).await.unwrap();
    for earlier in [first, second] {
        slate.remove_version("m", Some(earlier)).await;
    }
    assert_eq!(slate.read("m").await, Some((Bytes::from("3"), third)));
    slate.remove_version("never", Some(third)).await;
}

pub async fn a_mark_runs_out<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    let brief = Some(Duration::from_millis(1_500));
    let first = slate
        .write_for("m", "1", Expect::Absent, brief)
        .await
        .unwrap();
    pass::<C>(Duration::from_millis(700)).await;
    assert!(slate.read("m").await.is_some(), "not before its time");
    // Whole seconds, and a while for the broker to see it.
    pass::<C>(Duration::from_millis(2_500)).await;
    assert_eq!(slate.read("m").await, None);
    conflicts(slate.write("m", "x", Expect::Revision(first)).await);
    slate.write("m", "2", Expect::Absent).await.unwrap();
}

pub async fn a_mark_without_an_end_stays<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    slate.write("m", "1", Expect::Absent).await.unwrap();
    let longer = match C::CLOCK {
        crate::suite::Clock::Jumps => Duration::from_secs(86_400),
        crate::suite::Clock::Fast(_) => Duration::from_secs(2),
    };
    pass::<C>(longer).await;
    assert!(slate.read("m").await.is_some());
}

pub async fn a_later_write_sets_another_end<C: Cluster>(cluster: C) {
    let slate = Slate::new(&cluster).await;
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let mut revisions = Vec::new();
    for name in ["stays", "longer", "shorter"] {
        let expires = Some(if name == "shorter" { minute } else { second });
        let written = slate.write_for(name, "1", Expect::Absent, expires).await;
        revisions.push(Expect::Revision(written.unwrap()));
    }
    let writes = [
        ("stays", None),
        ("longer", Some(minute)),
        ("shorter", Some(second)),
    ];
    for ((name, expires), expect) in writes.into_iter().zip(revisions) {
        slate.write_for(name, "2", expect, expires).await.unwrap();
    }
    pass::<C>(Duration::from_secs(3)).await;
    assert!(slate.read("stays").await.is_some());
    assert!(slate.read("longer").await.is_some());
    assert_eq!(slate.read("shorter").await, None);
}

pub async fn marks_belong_to_their_services<C: Cluster>(cluster: C) {
    let shop = Slate::new(&cluster).await;
    let mut other = Slate::new(&cluster).await;
    other.service = "other".into();
    let provisioned = other.transport.queues().provision(&other.service, 2).await;
    provisioned.unwrap();
    shop.write("m", "shop", Expect::Absent).await.unwrap();
    assert_eq!(other.read("m").await, None);
    other.write("m", "other", Expect::Absent).await.unwrap();
    other.remove("m").await;
    assert_eq!(shop.read("m").await.unwrap().0, "shop");
}
