//! Frames between nodes: what they promise, beyond what the suite sees of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use catga::Headers;
use catga::node::NodeId;
use catga::transport::{Frame, Inbox, Nats, RequestError, Transport as _};
use catga_tests::servers::nats::NatsServer;
use catga_tests::texts;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::site::{each_server, fresh_namespace, id};

const SOON: Duration = Duration::from_secs(5);

fn frame(payload: impl Into<Bytes>) -> Frame {
    Frame {
        headers: Headers::new(),
        payload: payload.into(),
    }
}

fn on(server: &NatsServer) -> Nats {
    Nats::url(&server.url()).namespace(&fresh_namespace())
}

async fn serve(nats: &Nats, id: &NodeId) -> Box<dyn Inbox> {
    nats.messenger().serve(id).await.unwrap()
}

/// Answers everything as it came, until the inbox ends.
fn echo(mut inbox: Box<dyn Inbox>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(mut incoming) = inbox.next().await {
            let frame = std::mem::take(&mut incoming.frame);
            incoming.reply(frame).await;
        }
    })
}

async fn ask(nats: &Nats, to: &NodeId, frame: Frame) -> Result<Frame, RequestError> {
    nats.messenger().request(to, frame, SOON).await
}

#[tokio::test]
async fn frames_arrive_as_they_were() {
    for server in each_server() {
        let nats = on(server);
        let a = id("a");
        let _served = echo(serve(&nats, &a).await);
        let mut asked = frame(vec![0, 255, 13, 10]);
        for (name, value) in [
            ("ce-type", "orders.place"),
            ("tenant", "grün 🦀 \"100 %\"\r\nNats-TTL: 1"),
            ("Ein Name: mit allem", " around "),
            ("Nats-Rollup", "all"),
            ("empty", ""),
        ] {
            asked.headers.insert(name, value);
        }
        let answer = ask(&nats, &a, asked.clone()).await.unwrap();
        assert_eq!(answer, asked);
        let empty = Frame::default();
        assert_eq!(ask(&nats, &a, empty.clone()).await.unwrap(), empty);
    }
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    for server in each_server() {
        let nats = on(server);
        let started = Instant::now();
        let error = ask(&nats, &id("a"), frame("1")).await.unwrap_err();
        assert!(matches!(error, RequestError::NoResponder), "{error}");
        nats.messenger().tell(&id("a"), frame("1")).await.unwrap();
        drop(serve(&nats, &id("a")).await);
        let error = ask(&nats, &id("a"), frame("1")).await.unwrap_err();
        assert!(matches!(error, RequestError::NoResponder), "{error}");
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let [server, _] = each_server();
    let nats = on(server);
    let _silent = serve(&nats, &id("a")).await;
    let started = Instant::now();
    let within = Duration::from_millis(200);
    let a = id("a");
    let asked = nats.messenger().request(&a, frame("1"), within);
    let error = asked.await.unwrap_err();
    assert!(matches!(error, RequestError::Timeout), "{error}");
    let took = started.elapsed();
    assert!(took >= within && took < 2 * within, "{took:?}");
}

#[tokio::test]
async fn what_is_too_large_is_told_on_both_ways() {
    for server in each_server() {
        let nats = on(server);
        let a = id("a");
        let large = 1_024 * 1_024;
        let mut inbox = serve(&nats, &a).await;
        let served = tokio::spawn(async move {
            while let Some(incoming) = inbox.next().await {
                let size = incoming.frame.payload.len();
                incoming.reply(frame(vec![7; 2 * size])).await;
            }
        });
        let answer = ask(&nats, &a, frame(vec![7; large / 2])).await.unwrap();
        assert_eq!(answer.payload.len(), large);
        let error = ask(&nats, &a, frame(vec![7; large / 2 + 1])).await;
        let Err(RequestError::AnswerTooLarge { size, limit }) = error else {
            panic!("{error:?}");
        };
        assert_eq!((size, limit), (large + 2, large));
        let error = ask(&nats, &a, frame(vec![7; large + 1])).await;
        let Err(RequestError::TooLarge { size, limit }) = error else {
            panic!("{error:?}");
        };
        assert_eq!((size, limit), (large + 1, large));
        let sent = nats.messenger();
        let sent = sent.broadcast("all.shop.x", frame(vec![7; large + 1]));
        let texts = texts(&sent.await.unwrap_err()).join(": ");
        assert!(texts.contains("1048577 bytes with its headers"), "{texts}");
        assert!(texts.contains("at most 1048576"), "{texts}");
        served.abort();
    }
}

#[tokio::test]
async fn a_subscription_is_known_when_it_returns() {
    for server in each_server() {
        let here = on(server);
        let namespace = fresh_namespace();
        let [from, to] = [(); 2].map(|()| here.clone().namespace(&namespace));
        for n in 0..200 {
            let subject = format!("all.shop.{n}");
            let mut events = to.messenger().subscribe(&subject).await.unwrap();
            let sent = from.messenger().broadcast(&subject, frame("1"));
            sent.await.unwrap();
            let event = timeout(SOON, events.next()).await.unwrap().unwrap();
            assert_eq!(event, (subject, frame("1")));
        }
    }
}

#[tokio::test]
async fn a_broadcast_reaches_what_matches_once() {
    for server in each_server() {
        let nats = on(server);
        let mut subscriptions = Vec::new();
        for subject in ["all.shop.>", "all.shop.*", "all.*.placed", "all.shop.x.y"] {
            subscriptions.push(nats.messenger().subscribe(subject).await.unwrap());
        }
        let elsewhere = on(server);
        for (nats, subject) in [
            (&nats, "all.shop.placed"),
            (&nats, "all.shop.x.y"),
            (&elsewhere, "all.shop.placed"),
            (&nats, "end"),
        ] {
            let sent = nats.messenger().broadcast(subject, frame("1"));
            sent.await.unwrap();
        }
        let mut heard = HashMap::new();
        for (n, subscription) in subscriptions.iter_mut().enumerate() {
            while let Ok(Some((subject, _))) =
                timeout(Duration::from_millis(200), subscription.next()).await
            {
                *heard.entry((n, subject)).or_insert(0) += 1;
            }
        }
        let expected = [
            (0, "all.shop.placed"),
            (0, "all.shop.x.y"),
            (1, "all.shop.placed"),
            (2, "all.shop.placed"),
            (3, "all.shop.x.y"),
        ];
        let expected = expected.map(|(n, subject)| ((n, subject.to_owned()), 1));
        assert_eq!(heard, HashMap::from(expected));
    }
}

/// An inbox whose requests are answered until it ends or is stopped.
struct Served {
    stop: oneshot::Sender<()>,
    taken: JoinHandle<Vec<Bytes>>,
}

impl Served {
    async fn start(nats: &Nats, node: &NodeId) -> Self {
        let mut inbox = serve(nats, node).await;
        let (stop, mut stopped) = oneshot::channel();
        let taken = tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let incoming = tokio::select! {
                    incoming = inbox.next() => incoming,
                    _ = &mut stopped => None,
                };
                let Some(mut incoming) = incoming else {
                    return taken;
                };
                let frame = std::mem::take(&mut incoming.frame);
                taken.push(frame.payload.clone());
                incoming.reply(frame).await;
            }
        });
        Self { stop, taken }
    }
}

/// Asks many times, each once, until it is told to end. What was answered.
fn load(name: &str, nats: Nats, to: &NodeId, end: &Arc<AtomicBool>) -> JoinHandle<Vec<Bytes>> {
    let (name, to, end) = (name.to_owned(), to.clone(), Arc::clone(end));
    tokio::spawn(async move {
        let mut running = Vec::new();
        while !end.load(Ordering::Relaxed) {
            let (nats, to) = (nats.clone(), to.clone());
            let asked = frame(format!("{name} {}", running.len()));
            running.push(tokio::spawn(async move { ask(&nats, &to, asked).await }));
            sleep(Duration::from_micros(300)).await;
        }
        let mut answered = Vec::new();
        for asked in running {
            match asked.await.unwrap() {
                Ok(frame) => answered.push(frame.payload),
                Err(RequestError::NoResponder) => {}
                Err(error) => panic!("{error}"),
            }
        }
        answered
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_that_opens_anew_loses_nothing_and_runs_nothing_twice() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let nats = || Nats::url(&server.url()).namespace(&namespace);
        let (a, end) = (id("a"), Arc::<AtomicBool>::default());
        let mut all = Vec::new();
        let mut served = Served::start(&nats(), &a).await;
        let loads = ["x", "y", "z"].map(|name| load(name, nats(), &a, &end));
        for n in 0..40 {
            sleep(Duration::from_millis(25)).await;
            // Some end before the next opens; the others are taken over, from another connection.
            if n % 4 == 0 {
                served.stop.send(()).unwrap();
                all.push(served.taken.await.unwrap());
                served = Served::start(&nats(), &a).await;
            } else {
                let next = Served::start(&nats(), &a).await;
                all.push(served.taken.await.unwrap());
                served = next;
            }
        }
        end.store(true, Ordering::Relaxed);
        let mut answered = Vec::new();
        for load in loads {
            answered.extend(load.await.unwrap());
        }
        served.stop.send(()).unwrap();
        all.push(served.taken.await.unwrap());
        let mut taken = all.concat();
        answered.sort();
        taken.sort();
        assert!(answered.len() > 1_000, "{}", answered.len());
        assert_eq!(taken, answered, "each was handled once and answered");
    }
}
