use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catga::wiring::Problem;
use catga::{
    BoxError, Call, Context, Deadline, FromContext, Headers, MessageId, Node, Options,
    Requirements, SendError, State, command, event, handler, query,
};
use catga_tests::texts;
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
    message: String,
    handler: String,
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
        message: cx.message().name().to_owned(),
        handler: cx.handler().name().to_owned(),
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
    assert_eq!(texts(&error)[1..], ["no tenant"]);
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
            Problem::MissingState {
                type_name, handler, ..
            } => {
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
    assert_eq!((&*seen.message, &*seen.handler), ("See", "see"));

    let id = catga::MessageId::new();
    let options = Options::new().id(id).timeout(Duration::from_secs(1));
    let seen = node.with(options).send(See { key: 12 }).await.unwrap();
    assert_eq!(seen.id, id.to_string());
    assert_eq!(seen.remaining, Duration::from_secs(1));
}

/// What an extractor sees of the call.
#[derive(Debug, PartialEq)]
struct Sight {
    id: MessageId,
    key: Option<String>,
    attempt: u32,
    deadline: Deadline,
    message: &'static str,
}

impl FromContext for Sight {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        Ok(Self {
            id: call.id(),
            key: call.key().map(str::to_owned),
            attempt: call.attempt().get(),
            deadline: call.deadline(),
            message: call.message().name(),
        })
    }
}

#[command]
#[route(key = ("tenant", "number"))]
#[derive(Serialize, Deserialize)]
struct Compare {
    tenant: String,
    number: u8,
}

#[handler(retry(max = 2, after = "1ms"))]
async fn compare(_: Compare, sight: Sight, cx: Context) -> Result<(), BoxError> {
    let context = Sight {
        id: cx.id(),
        key: cx.key().map(str::to_owned),
        attempt: cx.attempt().get(),
        deadline: cx.deadline(),
        message: "Compare",
    };
    assert_eq!(sight, context);
    assert_eq!(sight.key.as_deref(), Some("t\u{1f}7"));
    if cx.headers().get("fails").is_some() && sight.attempt == 1 {
        return Err("once".into());
    }
    Ok(())
}

#[tokio::test]
async fn an_extractor_and_the_context_see_the_same_call() {
    let node = node!(.state(Counted::default()));
    let compare = || Compare {
        tenant: "t".into(),
        number: 7,
    };
    node.send(compare()).await.unwrap();
    let options = Options::new().header("fails", "once");
    node.with(options).enqueue(compare()).await.unwrap();
    node.shutdown().await.unwrap();
    let letters = node.dead_letters().await.unwrap();
    assert!(letters.is_empty(), "{letters:?}");
}

#[derive(Serialize, Deserialize)]
enum Verb {
    With,
    Enqueue,
    Broadcast,
}

#[command]
#[derive(Serialize, Deserialize)]
struct Do(Verb);

#[command]
#[derive(Serialize, Deserialize)]
struct Enqueued;

#[event]
#[derive(Serialize, Deserialize)]
struct Heard;

/// What the children told.
type Told = Arc<std::sync::Mutex<Vec<(&'static str, MessageId, Option<String>)>>>;

#[handler]
async fn act(command: Do, cx: Context) -> Result<(), BoxError> {
    match command.0 {
        Verb::With => {
            let options = Options::new().header("tenant", "acme");
            cx.with(options).enqueue(Enqueued).await?;
        }
        Verb::Enqueue => {
            cx.enqueue(Enqueued).await?;
        }
        Verb::Broadcast => {
            cx.broadcast(Heard).await?;
        }
    }
    Ok(())
}

#[handler]
async fn enqueued(_: Enqueued, told: Option<State<Told>>, cx: Context) {
    let tenant = cx.headers().get("tenant").map(str::to_owned);
    let State(told) = told.expect("the test gives it");
    told.lock().unwrap().push(("enqueued", cx.id(), tenant));
}

#[handler(broadcast)]
async fn heard(_: Heard, told: Option<State<Told>>, cx: Context) {
    let State(told) = told.expect("the test gives it");
    told.lock().unwrap().push(("heard", cx.id(), None));
}

#[tokio::test]
async fn a_context_has_the_verbs_of_its_node() {
    let told = Told::default();
    let node = node!(.state(Counted::default()).state(Arc::clone(&told)));
    for (count, verb) in [Verb::With, Verb::Enqueue, Verb::Broadcast]
        .into_iter()
        .enumerate()
    {
        node.send(Do(verb)).await.unwrap();
        catga_tests::eventually(|| told.lock().unwrap().len() > count).await;
    }
    let told = told.lock().unwrap();
    let what: Vec<_> = told
        .iter()
        .map(|(what, _, tenant)| (*what, tenant.as_deref()))
        .collect();
    assert_eq!(
        what,
        [
            ("enqueued", Some("acme")),
            ("enqueued", None),
            ("heard", None)
        ]
    );
    for (_, id, _) in told.iter() {
        assert_eq!(id.as_uuid().get_version_num(), 8, "the id of a child");
    }
}

#[query(response = (bool, bool), timeout = "1s")]
#[derive(Serialize, Deserialize)]
struct Wait;

#[handler]
async fn wait(_: Wait, deadline: Deadline) -> (bool, bool) {
    let before = deadline.has_passed();
    assert_eq!(
        deadline.instant() - tokio::time::Instant::now(),
        deadline.remaining()
    );
    // Past the deadline without an await, which would end the call.
    let now = tokio::time::Instant::now();
    futures_now(tokio::time::advance(Duration::from_secs(2)));
    assert_eq!(now.elapsed(), Duration::from_secs(2));
    (before, deadline.has_passed())
}

/// Polls once: `advance` moves the clock before it yields.
fn futures_now(future: impl Future<Output = ()>) {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = std::pin::pin!(future).poll(&mut cx);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_passes() {
    let node = node!(.state(Counted::default()));
    assert_eq!(node.send(Wait).await.unwrap(), (false, true));
}

/// Takes a state that its `requires` does not name.
struct Careless;

impl FromContext for Careless {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        State::<String>::from_context(call).map(|_| Self)
    }
}

#[query(response = ())]
#[derive(Serialize, Deserialize)]
struct AskCarelessly;

#[handler]
async fn ask_carelessly(_: AskCarelessly, _: Careless) {}

#[tokio::test]
async fn a_state_that_nobody_named_is_missing_at_the_call() {
    let node = node!(.state(Counted::default()));
    let error = node.send(AskCarelessly).await.unwrap_err();
    let SendError::Failed(failed) = error else {
        panic!("{error:?}");
    };
    let source = failed.into_source();
    assert!(source.is::<catga::handler::MissingState>(), "{source:?}");
    assert!(
        source.to_string().contains("FromContext::requires"),
        "{source}"
    );
}

#[query(response = String)]
#[derive(Serialize, Deserialize)]
struct Change;

#[handler]
async fn change(_: Change, text: Option<State<String>>) -> String {
    let mut text = text.expect("the test gives it");
    text.push_str(" and more");
    text.0
}

#[tokio::test]
async fn a_state_can_be_changed_in_place_for_the_call_alone() {
    let node = node!(.state(Counted::default()).state("text".to_owned()));
    for _ in 0..2 {
        assert_eq!(node.send(Change).await.unwrap(), "text and more");
    }
}
