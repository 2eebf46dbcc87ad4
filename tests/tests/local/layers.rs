use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use catga::delivery::{Delivery, Outcome};
use catga::node::Next;
use catga::{
    BoxError, Deadline, Headers, MessageId, Options, SendError, State, command, event, handler,
    query,
};
use catga_tests::eventually;
use catga_tests::texts;
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
    assert_eq!(texts(&error)[1..], ["asked to fail"]);
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
    assert_eq!(texts(&error)[1..], ["refused by the layer"]);
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
    assert!(node.dead_letters().await.unwrap().is_empty());
}

#[tokio::test]
async fn broadcasts_go_through_layers() {
    let log = Log::default();
    let node = node!(.state(Arc::clone(&log)).layer(layer("l", &log, false)));
    node.broadcast(Told).await.unwrap();
    eventually(|| log.lock().unwrap().len() == 3).await;
    assert_eq!(*log.lock().unwrap(), ["l > Told", "told", "l < true"]);
}

/// What a layer saw of a delivery and its outcome.
#[derive(Debug)]
struct Sight {
    id: MessageId,
    key: Option<String>,
    node: String,
    handler: &'static str,
    deadline: Deadline,
    tenant: Option<String>,
    error: Option<String>,
}

#[derive(Clone)]
struct Watching {
    next: Next,
    seen: Arc<Mutex<Vec<Sight>>>,
}

impl Service<Delivery> for Watching {
    type Response = Outcome;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Outcome, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.next.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let mut sight = Sight {
            id: delivery.id(),
            key: delivery.key().map(str::to_owned),
            node: delivery.node().to_string(),
            handler: delivery.handler().name(),
            deadline: delivery.deadline(),
            tenant: delivery.headers().get("tenant").map(str::to_owned),
            error: None,
        };
        let (called, seen) = (self.next.call(delivery), Arc::clone(&self.seen));
        Box::pin(async move {
            let outcome = called.await?;
            sight.error = outcome.error().map(ToString::to_string);
            seen.lock().unwrap().push(sight);
            Ok(outcome)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_sees_the_whole_delivery_and_its_outcome() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::clone(&seen);
    let node = node!(.state(Log::default()).layer(tower::layer::layer_fn(move |next| Watching {
        next,
        seen: Arc::clone(&watch),
    })));
    let id = MessageId::new();
    let options = || {
        let options = Options::new().id(id).header("tenant", "acme");
        options.timeout(std::time::Duration::from_secs(7))
    };
    node.with(options())
        .send(Ask { fails: true })
        .await
        .unwrap_err();
    node.with(options()).enqueue(Run { key: 4 }).await.unwrap();
    node.shutdown().await.unwrap();

    let seen = seen.lock().unwrap();
    let [sent, stored] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    for sight in [sent, stored] {
        assert_eq!(sight.id, id);
        assert_eq!(sight.node, node.id().as_str());
        assert_eq!(sight.tenant.as_deref(), Some("acme"));
        assert!(!sight.deadline.has_passed());
    }
    assert_eq!((sent.handler, stored.handler), ("ask", "run"));
    assert_eq!((&sent.key, stored.key.as_deref()), (&None, Some("4")));
    assert!(sent.deadline.remaining() <= std::time::Duration::from_secs(7));
    assert!(stored.deadline.remaining() > std::time::Duration::from_secs(7));
    let error = sent.error.as_deref().expect("it failed");
    assert!(error.contains("`Ask`"), "{error}");
    assert_eq!(stored.error, None);
}
