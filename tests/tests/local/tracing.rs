use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use ::tracing::field::{Field, Visit};
use ::tracing::span::{Attributes, Id, Record};
use ::tracing::subscriber::DefaultGuard;
use ::tracing::{Event, Metadata, Subscriber};
use catga::{Context, MessageId, Options, event, handler, query};
use catga_tests::eventually;
use serde::{Deserialize, Serialize};

use crate::node;

#[query(response = String, name = "traced.ask")]
#[derive(Serialize, Deserialize)]
struct Ask {
    fails: bool,
}

#[handler]
async fn ask(query: Ask, cx: Context) -> anyhow::Result<String> {
    tokio::task::yield_now().await;
    anyhow::ensure!(!query.fails, "no");
    Ok(cx.id().to_string())
}

/// Does not ask for its id.
#[query(response = ())]
#[derive(Serialize, Deserialize)]
struct Fail;

#[handler]
async fn fail(_: Fail) -> anyhow::Result<()> {
    anyhow::bail!("no")
}

#[event(name = "traced.told")]
#[derive(Serialize, Deserialize)]
struct Told;

#[handler(retry(max = 2, after = "1ms"))]
async fn told(_: Told) -> anyhow::Result<()> {
    Err(anyhow::anyhow!("never").context("not told"))
}

#[handler(broadcast)]
async fn heard(_: Told) -> anyhow::Result<()> {
    anyhow::bail!("deaf")
}

#[event(name = "traced.published")]
#[derive(Serialize, Deserialize)]
struct Published;

#[handler]
async fn read(_: Published) {}

#[event(name = "traced.shouted")]
#[derive(Serialize, Deserialize)]
struct Shouted;

#[handler(broadcast)]
async fn listen(_: Shouted) {}

type Kept = Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>;

/// Keeps the fields of every span and event of this crate, an event's level too.
#[derive(Clone, Default)]
struct Keep {
    spans: Kept,
    events: Kept,
}

impl Keep {
    /// Listens to this thread until the guard is dropped.
    fn listen() -> (Self, DefaultGuard) {
        let keep = Self::default();
        let guard = ::tracing::subscriber::set_default(keep.clone());
        (keep, guard)
    }

    fn spans(&self) -> Vec<BTreeMap<&'static str, String>> {
        self.spans.lock().unwrap().clone()
    }

    fn events(&self) -> Vec<BTreeMap<&'static str, String>> {
        self.events.lock().unwrap().clone()
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(
            field.name(),
            format!("{value:?}").trim_matches('"').to_owned(),
        );
    }
}

impl Subscriber for Keep {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "catga"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut spans = self.spans.lock().unwrap();
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        spans.push(fields);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let at = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Fields(&mut self.spans.lock().unwrap()[at]));
    }

    fn event(&self, event: &Event<'_>) {
        let level = event.metadata().level().to_string();
        let mut fields = BTreeMap::from([("level", level)]);
        event.record(&mut Fields(&mut fields));
        self.events.lock().unwrap().push(fields);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn each_handled_message_has_a_span_with_opentelemetrys_names() {
    let (keep, _guard) = Keep::listen();
    let node = node!();
    let id = node.send(Ask { fails: false }).await.unwrap();
    node.send(Ask { fails: true }).await.unwrap_err();
    let spans = keep.spans();
    assert_eq!(spans.len(), 2);
    for span in &spans {
        assert_eq!(span["otel.name"], "process traced.ask");
        assert_eq!(span["otel.kind"], "consumer");
        assert_eq!(span["messaging.system"], "catga");
        assert_eq!(span["messaging.operation.type"], "process");
        assert_eq!(span["messaging.destination.name"], "traced.ask");
        assert_eq!(span["messaging.consumer.group.name"], "test");
        assert_eq!(span["messaging.client.id"], node.id().as_str());
        assert_eq!(span["code.function.name"], "local::tracing::ask");
        assert_eq!(span["catga.attempt"], "1");
    }
    assert_eq!(spans[0]["messaging.message.id"], id);
    assert!(!spans[0].contains_key("error.type"));
    assert_eq!(spans[1]["error.type"], "failed");
    assert_eq!(spans[1]["otel.status_code"], "ERROR");
}

#[tokio::test]
async fn a_span_and_its_error_have_one_id() {
    let (keep, _guard) = Keep::listen();
    let node = node!();
    let error = node.send(Fail).await.unwrap_err();
    let id = error.id().expect("somebody listens").to_string();
    assert_eq!(keep.spans()[0]["messaging.message.id"], id);
}

#[tokio::test]
async fn each_attempt_has_a_span_and_each_failure_an_event() {
    let (keep, _guard) = Keep::listen();
    let node = node!();
    let id = MessageId::new();
    let options = Options::new().id(id);
    node.with(options).publish(Told).await.unwrap();
    node.shutdown().await.unwrap();

    let spans = keep.spans();
    let attempts: Vec<_> = spans.iter().map(|span| &*span["catga.attempt"]).collect();
    assert_eq!(attempts, ["1", "2"]);
    for span in &spans {
        assert_eq!(span["code.function.name"], "local::tracing::told");
        assert_eq!(span["messaging.message.id"], id.to_string());
        assert_eq!(span["error.type"], "failed");
    }

    let events = keep.events();
    let [retrying, dead] = events.as_slice() else {
        panic!("{events:#?}");
    };
    for event in [retrying, dead] {
        assert_eq!(event["node"], node.id().as_str());
        assert_eq!(event["handler"], "told");
        assert_eq!(event["message_type"], "traced.told");
        assert_eq!(event["id"], id.to_string());
    }
    assert_eq!((&*retrying["level"], &*retrying["attempt"]), ("WARN", "1"));
    assert!(retrying["message"].contains("tried again"));
    for event in [retrying, dead] {
        assert_eq!(event["error"], "not told: never", "the whole chain");
    }
    assert!(retrying.contains_key("delay"));
    assert_eq!((&*dead["level"], &*dead["attempts"]), ("ERROR", "2"));
    assert!(dead["message"].contains("dead letter"));
}

#[tokio::test]
async fn a_failed_broadcast_is_an_event() {
    let (keep, _guard) = Keep::listen();
    let node = node!();
    let receipt = node.broadcast(Told).await.unwrap();
    eventually(|| !keep.events().is_empty()).await;
    let event = keep.events().remove(0);
    assert_eq!((&*event["level"], &*event["handler"]), ("WARN", "heard"));
    assert_eq!(event["id"], receipt.id().to_string());
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_verb_that_passes_the_handlers_over_is_a_warning() {
    let (keep, _guard) = Keep::listen();
    let node = node!();
    for _ in 0..2 {
        node.broadcast(Published).await.unwrap();
        node.publish(Shouted).await.unwrap();
    }
    node.publish(Published).await.unwrap();
    node.broadcast(Shouted).await.unwrap();
    let events = keep.events();
    let told: Vec<_> = events.iter().map(|event| &*event["message_type"]).collect();
    assert_eq!(told, ["traced.published", "traced.shouted"], "{events:#?}");
    assert!(events[0]["message"].contains("`publish` it"));
    assert!(events[1]["message"].contains("`broadcast` it"));
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_is_a_warning() {
    let (keep, _guard) = Keep::listen();
    let node = node!();
    let id = node.id().clone();
    let other = node.clone();
    drop(node);
    assert_eq!(keep.events().len(), 0);
    drop(other);
    let event = keep.events().remove(0);
    assert_eq!((&*event["level"], &*event["node"]), ("WARN", id.as_str()));
    assert!(event["message"].contains("without `shutdown`"));

    let node = node!();
    node.shutdown().await.unwrap();
    drop(node);
    assert_eq!(keep.events().len(), 1, "it was shut down");
}
