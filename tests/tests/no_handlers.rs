//! A program that links no handler at all.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use catga::Node;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The texts of warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Visit for Warnings {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "catga" && *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_node_that_runs_nothing_says_so_unless_it_was_told_to() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let told = Node::builder("told").only(|_| false).start().await.unwrap();
    assert!(warnings.0.lock().unwrap().is_empty());
    let empty = Node::builder("empty").start().await.unwrap();
    let said = warnings.0.lock().unwrap().clone();
    assert!(
        said.len() == 1 && said[0].contains("catga::use_crates!"),
        "{said:?}"
    );
    told.shutdown().await.unwrap();
    empty.shutdown().await.unwrap();
}
