use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use catga::delivery::{Delivery, Outcome};
use catga::node::Next;
use catga::{BoxError, Headers, SendError, State, command, event, handler, query};
use serde::{Deserialize, Serialize};
use tower::{Layer, Service};

use crate::node;

type Log = Arc<Mutex<Vec<String>>>;

/// Notes what goes through, may refuse, and sets a header.
#[derive(Clone)]
struct Note {
    name: &'static str,
    log: Log,
    refuses: bool,
}

#[derive(Clone)]
struct Noting {
    note: Note,
    next: Next,
}

impl Layer<Next> for Note {
    type Service = Noting;

    fn layer(&self, next: Next) -> Noting {
        Noting {
            note: self.clone(),
            next,
        }
    }
}

impl Service<Delivery> for Noting {
    type Response = Outcome;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Outcome, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.next.poll_ready(cx)
    }

    fn call(&mut self, mut delivery: Delivery) -> Self::Future {
        let Note { name, log, refuses } = self.note.clone();
        log.lock()
            .unwrap()
            .push(format!("{name} > {}", delivery.message().name()));
        if refuses && delivery.attempt().get() == 1 {
            return Box::pin(async { Err("refused by the layer".into()) });
        }
        delivery.set_header("layer", name);
        let called = self.next.call(delivery);
        Box::pin(async move {
            let outcome = called.await?;
            log.lock()
                .unwrap()
                .push(format!("{name} < {}", outcome.is_success()));
            Ok(outcome)
        })
    }
}

#[query(response = Option<String>)]
#[derive(Serialize, Deserialize)]
struct Ask {
    fails: bool,
}

#[handler]
async fn ask(query: Ask, headers: Headers) -> anyhow::Result<Option<String>> {
    anyhow::ensure!(!query.fails, "asked to fail");
    Ok(headers.get("layer").map(str::to_owned))
}

#[command]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Run {
    key: u8,
}

#[handler(retry(max = 2, after = "1ms"))]
async fn run(_: Run, State(log): State<Log>) {
    log.lock().unwrap().push("run".into());
}

#[event]
#[derive(Serialize, Deserialize)]
struct Told;

#[handler(broadcast)]
async fn told(_: Told, State(log): State<Log>) {
    log.lock().unwrap().push("told".into());
}

fn layer(name: &'static str, log: &Log, refuses: bool) -> Note {
    Note {
        name,
        log: Arc::clone(log),
        refuses,
    }
}

#[tokio::test]
async fn the_first_layer_is_the_outermost() {
    let log = Log::default();
    let node = node!(
        .state(Arc::clone(&log))
        .layer(layer("outer", &log, false))
        .layer(layer("inner", &log, false))
    );
    let header = node.send(Ask { fails: false }).await.unwrap();
    assert_eq!(header.as_deref(), Some("inner"));
    let error = node.send(Ask { fails: true }).await.unwrap_err();
    assert!(error.to_string().contains("asked to fail"), "{error}");
    let expected = [
        "outer > Ask",
        "inner > Ask",
        "inner < true",
        "outer < true",
        "outer > Ask",
        "inner > Ask",
        "inner < false",
        "outer < false",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_layers_own_error_is_a_failure_of_the_call() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)).layer(layer("no", &log, true)));
    let error = node.send(Ask { fails: false }).await.unwrap_err();
    assert!(matches!(error, SendError::Failed(_)));
    assert!(
        error.to_string().contains("refused by the layer"),
        "{error}"
    );
}

#[tokio::test]
async fn durable_deliveries_go_through_layers_whose_errors_are_retried() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)).layer(layer("no", &log, true)));
    node.enqueue(Run { key: 1 }).await.unwrap();
    node.shutdown().await.unwrap();
    assert_eq!(
        *log.lock().unwrap(),
        ["no > Run", "no > Run", "run", "no < true"]
    );
    assert!(node.dead_letters().is_empty());
}

#[tokio::test]
async fn broadcasts_go_through_layers() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)).layer(layer("l", &log, false)));
    node.broadcast(Told).await.unwrap();
    while log.lock().unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*log.lock().unwrap(), ["l > Told", "told", "l < true"]);
}
