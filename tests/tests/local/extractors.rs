use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catga::wiring::Problem;
use catga::{
    BoxError, Call, Context, Deadline, FromContext, Headers, Node, Options, Requirements,
    SendError, State, handler, query,
};
use serde::{Deserialize, Serialize};

use crate::node;

/// Counts its clones.
#[derive(Default)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[query(response = bool)]
#[derive(Serialize, Deserialize)]
struct TakeState;

#[handler]
async fn take_state(_: TakeState, State(_): State<Counted>, other: Option<State<String>>) -> bool {
    other.is_some()
}

struct Tenant(String);

impl FromContext for Tenant {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        let State(_) = State::<Counted>::from_context(call)?;
        assert_eq!(call.handler().message().name(), "WhoAsks");
        let tenant = call.headers().get("tenant").ok_or("no tenant")?;
        Ok(Self(tenant.to_owned()))
    }

    fn requires(requirements: &mut Requirements) {
        State::<Counted>::requires(requirements);
    }
}

#[query(response = (String, usize))]
#[derive(Serialize, Deserialize)]
struct WhoAsks;

#[handler]
async fn who_asks(_: WhoAsks, tenant: Tenant, headers: Headers) -> (String, usize) {
    (tenant.0, headers.iter().count())
}

#[query(response = Seen, timeout = "3s")]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct See {
    key: u32,
}

#[derive(Serialize, Deserialize)]
struct Seen {
    id: String,
    key: Option<String>,
    attempt: u32,
    remaining: Duration,
    same_deadline: bool,
    fence: u64,
}

#[handler]
async fn see(_: See, deadline: Deadline, cx: Context) -> Seen {
    Seen {
        id: cx.id().to_string(),
        key: cx.key().map(str::to_owned),
        attempt: cx.attempt().get(),
        remaining: deadline.remaining(),
        same_deadline: cx.deadline() == deadline,
        fence: cx.fence(),
    }
}

#[tokio::test]
async fn state_is_cloned_once_per_call() {
    let counted = Counted::default();
    let node = node!(.state(counted.clone()));
    let before = counted.0.load(Ordering::Relaxed);
    for _ in 0..10 {
        assert!(!node.send(TakeState).await.unwrap());
    }
    assert_eq!(counted.0.load(Ordering::Relaxed) - before, 10);
}

#[tokio::test]
async fn an_optional_state_is_taken_where_it_is() {
    let node = node!(.state(Counted::default()).state("here".to_owned()));
    assert!(node.send(TakeState).await.unwrap());
}

#[tokio::test]
async fn an_extractor_of_the_users_own_reads_the_call_or_refuses_it() {
    let node = node!(.state(Counted::default()));
    let options = Options::new().header("Tenant", "acme").header("x", "y");
    let answer = node.with(options).send(WhoAsks).await.unwrap();
    assert_eq!(answer, ("acme".to_owned(), 2));
    let error = node.send(WhoAsks).await.unwrap_err();
    assert!(matches!(error, SendError::Failed(_)), "{error:?}");
    assert!(error.to_string().contains("no tenant"), "{error}");
}

#[tokio::test]
async fn missing_state_is_seen_through_extractors_before_the_start() {
    let problems = Node::builder("test")
        .only(|handler| handler.module() == module_path!())
        .check()
        .unwrap_err();
    let handlers: Vec<_> = problems
        .iter()
        .map(|problem| match problem {
            Problem::MissingState { type_name, handler } => {
                assert!(type_name.ends_with("Counted"), "{type_name}");
                handler.name()
            }
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(handlers, ["take_state", "who_asks"]);
}

#[tokio::test(start_paused = true)]
async fn context_and_deadline_tell_of_the_call() {
    let node = node!(.state(Counted::default()));
    let seen = node.send(See { key: 12 }).await.unwrap();
    assert_eq!(seen.key.as_deref(), Some("12"));
    assert_eq!(seen.attempt, 1);
    assert_eq!(seen.remaining, Duration::from_secs(3));
    assert!(seen.same_deadline);
    assert!(seen.fence > 0);

    let id = catga::MessageId::new();
    let options = Options::new().id(id).timeout(Duration::from_secs(1));
    let seen = node.with(options).send(See { key: 12 }).await.unwrap();
    assert_eq!(seen.id, id.to_string());
    assert_eq!(seen.remaining, Duration::from_secs(1));
}
