use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use super::fallback;
use super::member::MemberRecord;
use super::registry::ServiceRecord;
use super::reopen::{Reopened, keep_open};
use super::seen::SeenState;
use super::state::Cluster;
use crate::message::ContentType;
use crate::telemetry::Chain;
use crate::transport::{Change, Identity, Record, RecordKey, Revision, TransportError, Watch};

/// Keeps the picture of the cluster up to date until the node has left.
pub(super) async fn run(cluster: Arc<Cluster>) {
    let watcher = Watcher {
        cluster: &cluster,
        identity: None,
    };
    keep_open(&cluster, watcher, None).await;
}

struct Watcher<'a> {
    cluster: &'a Cluster,
    /// Which store it was.
    identity: Option<Identity>,
}

impl Reopened for Watcher<'_> {
    const WHAT: &'static str = "watch the cluster";

    type Open = Box<dyn Watch>;

    /// Starts a watch, and sees whether it is still the same store.
    async fn open(&mut self) -> Result<Box<dyn Watch>, TransportError> {
        let cluster = self.cluster;
        let records = cluster.transport.records();
        // What happens from here on is told by the new watch.
        cluster.seen().rewatch = false;
        let now = records.identity().await?;
        if self.identity.as_ref().is_some_and(|known| *known != now) {
            fallback::happened(cluster, "it is another store");
            cluster.seen().rewatch = false;
        }
        self.identity = Some(now);
        records.watch().await
    }

    /// Follows one watch until it breaks or falls silent.
    async fn follow(&mut self, mut watch: Box<dyn Watch>) {
        let cluster = self.cluster;
        // What this watch has told before it was current; `None` afterwards.
        let mut told = Some(HashSet::new());
        // This node's own beats are told, too: silence means that the watch is dead.
        let silence = cluster.settings.node_timeout.mul_f64(0.6);
        loop {
            let again = std::pin::pin!(cluster.watch_due.notified());
            let silent = std::pin::pin!(sleep_until(Instant::now() + silence));
            let ended = select(again, silent);
            let Either::Right((Some(change), _)) = select(ended, watch.next()).await else {
                return;
            };
            let news = {
                let mut seen = cluster.seen();
                if seen.rewatch {
                    return;
                }
                seen.heard = Instant::now();
                take(cluster, &mut seen, change, &mut told)
            };
            match news {
                News::Nothing => {}
                News::Changed => {
                    if cluster.seen().complete {
                        cluster.rebuild();
                        cluster.owners_due.notify_one();
                    }
                }
                News::Current => {
                    cluster.rebuild();
                    // Only now: whoever waits for it looks at the view.
                    cluster.seen().complete = true;
                    cluster.owners_due.notify_one();
                }
                News::FellBack => {
                    fallback::happened(cluster, "a record is older than it was");
                    return;
                }
            }
        }
    }

    /// The last picture stays, and nobody is judged by it.
    fn broken(&mut self) {
        self.cluster.seen().blind();
    }
}

/// What a change means for the picture.
enum News {
    Nothing,
    Changed,
    Current,
    FellBack,
}

fn take(
    cluster: &Cluster,
    seen: &mut SeenState,
    change: Change,
    told: &mut Option<HashSet<RecordKey>>,
) -> News {
    match change {
        Change::Put(key, record) => {
            if let Some(told) = told {
                told.insert(key.clone());
            }
            put(cluster, seen, key, &record)
        }
        Change::Removed(key) => {
            removed(seen, &key);
            if key == RecordKey::Service(Arc::clone(&cluster.service)) {
                registration_ended(cluster);
            }
            forget_gone(cluster, seen);
            News::Changed
        }
        Change::Current => {
            if let Some(told) = told.take() {
                if !told.contains(&RecordKey::Service(Arc::clone(&cluster.service))) {
                    registration_ended(cluster);
                }
                forget_others(seen, &told);
                forget_gone(cluster, seen);
            }
            seen.sighted(cluster.settings.heartbeat, cluster.settings.node_timeout);
            News::Current
        }
    }
}

fn put(cluster: &Cluster, seen: &mut SeenState, key: RecordKey, record: &Record) -> News {
    if seen.versions.fell_back(key.clone(), record.revision) {
        return News::FellBack;
    }
    let changed = match &key {
        RecordKey::Member(id) => ContentType::Json
            .decode::<MemberRecord>(&record.value)
            .map(|member| seen.beat(cluster, id, member, record.revision)),
        // A node that was dead for a while has looked at the record by itself.
        RecordKey::Service(service)
            if (seen.services.get(service)).is_some_and(|(_, known)| record.revision < *known) =>
        {
            Ok(false)
        }
        RecordKey::Service(service) => {
            let decoded = ContentType::Json.decode::<ServiceRecord>(&record.value);
            decoded.map(|decoded| {
                let known = seen.services.get(service);
                // A node has started, and wrote what was there.
                let is_news = known.is_none_or(|(known, _)| !known.says_the_same_as(&decoded));
                knows(cluster, service, &decoded, record.revision, is_news);
                seen.services
                    .insert(Arc::clone(service), (decoded, record.revision));
                is_news
            })
        }
        // This node's own write, which is newer, may have been answered before it is told here.
        RecordKey::Owners(service)
            if (seen.owners.get(service)).is_some_and(|(_, known)| record.revision <= *known) =>
        {
            Ok(false)
        }
        RecordKey::Owners(service) => ContentType::Json.decode(&record.value).map(|decoded| {
            seen.owners
                .insert(Arc::clone(service), (decoded, record.revision));
            true
        }),
    };
    match changed {
        Ok(true) => News::Changed,
        Ok(false) => News::Nothing,
        Err(error) => {
            tracing::warn!(target: "catga", node = %cluster.me, record = %key, error = %Chain(&error), "a record cannot be read and is left out");
            News::Nothing
        }
    }
}

/// Tells the others which registrations this node knows of: with the next beat, and if it is news
/// that is due.
fn knows(
    cluster: &Cluster,
    service: &Arc<str>,
    record: &ServiceRecord,
    revision: Revision,
    is_news: bool,
) {
    let mut own = cluster.own();
    let due = own.record.knows_of(service, revision) && is_news;
    let is_ended = *service == cluster.service && !record.covers(&cluster.registration);
    drop(own);
    if is_ended {
        registration_ended(cluster);
    } else if due {
        cluster.beat_due.notify_one();
    }
}

/// Somebody ended what this node still takes: the next beat says that it does.
fn registration_ended(cluster: &Cluster) {
    cluster.own().registered = false;
    cluster.beat_due.notify_one();
}

fn removed(seen: &mut SeenState, key: &RecordKey) {
    match key {
        RecordKey::Member(id) => seen.observed.removed(id),
        RecordKey::Service(service) => {
            seen.services.remove(service);
        }
        RecordKey::Owners(service) => {
            seen.owners.remove(service);
        }
    }
}

/// What a new watch did not tell is gone.
fn forget_others(seen: &mut SeenState, told: &HashSet<RecordKey>) {
    seen.observed
        .retain(|id| told.contains(&RecordKey::Member(id.clone())));
    seen.services
        .retain(|service, _| told.contains(&RecordKey::Service(Arc::clone(service))));
    seen.owners
        .retain(|service, _| told.contains(&RecordKey::Owners(Arc::clone(service))));
}

/// Nodes that are gone for long leave nothing behind.
fn forget_gone(cluster: &Cluster, seen: &mut SeenState) {
    let SeenState {
        versions, observed, ..
    } = seen;
    let long = 10 * cluster.settings.node_timeout;
    versions.forget(long, |id| observed.contains(id));
}
