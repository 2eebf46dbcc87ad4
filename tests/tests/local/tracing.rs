use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use ::tracing::field::{Field, Visit};
use ::tracing::span::{Attributes, Id, Record};
use ::tracing::{Event, Metadata, Subscriber};
use catga::{handler, query};
use serde::{Deserialize, Serialize};

use crate::node;

#[query(response = (), name = "traced.ask")]
#[derive(Serialize, Deserialize)]
struct Ask {
    fails: bool,
}

#[handler]
async fn ask(query: Ask) -> anyhow::Result<()> {
    tokio::task::yield_now().await;
    anyhow::ensure!(!query.fails, "no");
    Ok(())
}

type Spans = Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>;

/// Keeps the fields of every span of this crate.
#[derive(Clone, Default)]
struct Keep(Spans);

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
        metadata.target() == "catga" && metadata.is_span()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut spans = self.0.lock().unwrap();
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        spans.push(fields);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let at = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Fields(&mut self.0.lock().unwrap()[at]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn each_handled_message_has_a_span_with_opentelemetrys_names() {
    let keep = Keep::default();
    let spans = Arc::clone(&keep.0);
    let _guard = tracing::subscriber::set_default(keep);
    let node = node!();
    node.send(Ask { fails: false }).await.unwrap();
    node.send(Ask { fails: true }).await.unwrap_err();
    let spans = spans.lock().unwrap();
    assert_eq!(spans.len(), 2);
    for span in spans.iter() {
        assert_eq!(span["otel.name"], "process traced.ask");
        assert_eq!(span["otel.kind"], "consumer");
        assert_eq!(span["messaging.system"], "catga");
        assert_eq!(span["messaging.operation.type"], "process");
        assert_eq!(span["messaging.destination.name"], "traced.ask");
        assert_eq!(span["messaging.consumer.group.name"], "test");
        assert_eq!(span["messaging.client.id"], node.id().as_str());
    }
    assert!(!spans[0].contains_key("error.type"));
    assert_eq!(spans[1]["error.type"], "failed");
    assert_eq!(spans[1]["otel.status_code"], "ERROR");
}
