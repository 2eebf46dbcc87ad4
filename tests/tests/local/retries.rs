use std::sync::{Arc, Mutex};
use std::time::Duration;

use catga::delivery::retry;
use catga::{Context, Fault, State, command, event, handler};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::node;

type Log = Arc<Mutex<Vec<(&'static str, u32, Duration)>>>;

#[derive(Clone)]
struct Shared {
    log: Log,
    start: Instant,
}

impl Shared {
    fn new() -> Self {
        Self {
            log: Log::default(),
            start: Instant::now(),
        }
    }

    fn note(&self, what: &'static str, cx: &Context) {
        self.log
            .lock()
            .unwrap()
            .push((what, cx.attempt().get(), self.start.elapsed()));
    }

    fn attempts(&self, what: &str) -> Vec<Duration> {
        self.log
            .lock()
            .unwrap()
            .iter()
            .filter(|(noted, ..)| *noted == what)
            .enumerate()
            .map(|(index, (_, attempt, at))| {
                assert_eq!(
                    *attempt,
                    u32::try_from(index).unwrap() + 1,
                    "attempts are counted"
                );
                *at
            })
            .collect()
    }
}

#[derive(Debug, thiserror::Error, Fault, Serialize, Deserialize)]
enum Refusal {
    #[error("never")]
    #[permanent]
    Never,
    #[error("later")]
    #[transient(after = "2s", max = 3)]
    Later,
}

#[command(error = Refusal)]
#[derive(Serialize, Deserialize)]
struct Ask {
    permanent: bool,
}

#[handler]
async fn ask(command: Ask, State(shared): State<Shared>, cx: Context) -> Result<(), Refusal> {
    shared.note("ask", &cx);
    Err(if command.permanent {
        Refusal::Never
    } else {
        Refusal::Later
    })
}

#[event]
#[derive(Serialize, Deserialize)]
struct Happened;

#[handler]
async fn succeeds(_: Happened, State(shared): State<Shared>, cx: Context) {
    shared.note("succeeds", &cx);
}

#[handler(retry(max = 3, after = "100ms", cap = "150ms"))]
async fn fails(_: Happened, State(shared): State<Shared>, cx: Context) -> anyhow::Result<()> {
    shared.note("fails", &cx);
    anyhow::bail!("no")
}

#[handler]
async fn panics(_: Happened, State(shared): State<Shared>, cx: Context) {
    shared.note("panics", &cx);
    if cx.attempt().get() == 1 {
        panic!("once");
    }
}

#[handler]
async fn wrapped(_: Happened, State(shared): State<Shared>, cx: Context) -> anyhow::Result<()> {
    shared.note("wrapped", &cx);
    Err(anyhow::Error::new(Refusal::Never).context("behind context"))
}

#[command(timeout = "1s")]
#[derive(Serialize, Deserialize)]
struct Slow;

#[handler]
async fn slow(_: Slow, State(shared): State<Shared>, cx: Context) {
    shared.note("slow", &cx);
    if cx.attempt().get() == 1 {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_declared_error_says_how_it_is_retried() {
    let shared = Shared::new();
    let node = node!(.state(shared.clone()));
    node.enqueue(Ask { permanent: false }).await.unwrap();
    node.shutdown().await.unwrap();
    let at = shared.attempts("ask");
    assert_eq!(
        at.iter().map(Duration::as_secs).collect::<Vec<_>>(),
        [0, 2, 4]
    );
    assert_eq!(node.dead_letters().await.unwrap()[0].attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_not_retried() {
    let shared = Shared::new();
    let node = node!(.state(shared.clone()));
    node.enqueue(Ask { permanent: true }).await.unwrap();
    node.shutdown().await.unwrap();
    assert_eq!(shared.attempts("ask").len(), 1);
    assert_eq!(
        node.dead_letters().await.unwrap()[0].error_chain(),
        ["never"]
    );
}

#[tokio::test(start_paused = true)]
async fn each_handler_of_an_event_has_its_own_attempts() {
    let shared = Shared::new();
    let node = node!(.state(shared.clone()));
    node.publish(Happened).await.unwrap();
    node.shutdown().await.unwrap();
    assert_eq!(shared.attempts("succeeds").len(), 1);
    assert_eq!(shared.attempts("panics").len(), 2);
    assert_eq!(
        shared.attempts("wrapped").len(),
        1,
        "found behind its context"
    );
    let at = shared.attempts("fails");
    assert_eq!(at.len(), 3);
    let waits = [at[1] - at[0], at[2] - at[1]].map(|wait| wait.as_millis());
    assert!((50..=110).contains(&waits[0]), "{waits:?}");
    assert!((75..=160).contains(&waits[1]), "{waits:?}");
    let letters = node.dead_letters().await.unwrap();
    let dead: Vec<_> = letters
        .iter()
        .map(|letter| letter.handler().unwrap().rsplit("::").next().unwrap())
        .collect();
    assert_eq!(dead, ["wrapped", "fails"]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_timeout_and_is_retried() {
    let shared = Shared::new();
    let node = node!(.state(shared.clone()));
    node.enqueue(Slow).await.unwrap();
    node.shutdown().await.unwrap();
    let at = shared.attempts("slow");
    assert_eq!(at.len(), 2);
    assert!(at[1] >= Duration::from_secs(1));
    assert!(node.dead_letters().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_nodes_policy_holds_where_the_handler_has_none() {
    let shared = Shared::new();
    let policy = retry::Policy::new(1, Duration::ZERO);
    let node = node!(.state(shared.clone()).retry(policy));
    node.publish(Happened).await.unwrap();
    node.shutdown().await.unwrap();
    assert_eq!(shared.attempts("panics").len(), 1);
    assert_eq!(
        shared.attempts("fails").len(),
        3,
        "the handler's own policy"
    );
}

#[event]
#[derive(Serialize, Deserialize)]
struct Partly;

#[handler(retry(max = 3))]
async fn only_max(_: Partly, State(shared): State<Shared>, cx: Context) -> anyhow::Result<()> {
    shared.note("only max", &cx);
    anyhow::bail!("no")
}

#[handler(retry(after = "1h"))]
async fn only_after(_: Partly, State(shared): State<Shared>, cx: Context) -> anyhow::Result<()> {
    shared.note("only after", &cx);
    anyhow::bail!("no")
}

#[tokio::test(start_paused = true)]
async fn a_handler_takes_what_it_does_not_say_from_the_node() {
    let shared = Shared::new();
    let minute = Duration::from_secs(60);
    let policy = retry::Policy::new(2, minute).with_cap(minute);
    let drain = Duration::from_secs(100_000);
    let node = node!(.state(shared.clone()).retry(policy).drain_timeout(drain));
    node.publish(Partly).await.unwrap();
    node.shutdown().await.unwrap();
    let waits = |what| {
        let at = shared.attempts(what);
        at.windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs())
            .collect::<Vec<_>>()
    };
    let of_the_node = waits("only max");
    assert_eq!(of_the_node.len(), 2);
    assert!(
        of_the_node.iter().all(|wait| (30..=60).contains(wait)),
        "{of_the_node:?}"
    );
    let of_its_own = waits("only after");
    assert_eq!(of_its_own.len(), 1);
    assert!((1800..=3600).contains(&of_its_own[0]), "{of_its_own:?}");
}
