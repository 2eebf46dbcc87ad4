//! Frames from node to node.

use std::time::{Duration, Instant};

use bytes::Bytes;
use catga::Headers;
use catga::node::NodeId;
use catga::transport::{Frame, Redis, RequestError, Transport};
use catga_tests::servers::redis::{RedisServer, connection};
use tokio::time::{sleep, timeout};

use crate::site::{each_server, fresh_namespace};

const SOON: Duration = Duration::from_secs(2);

fn frame(text: &'static str) -> Frame {
    Frame {
        headers: Headers::from_iter([("Text", text)]),
        payload: Bytes::from_static(text.as_bytes()),
    }
}

/// A name for an inbox.
fn name(id: &str) -> NodeId {
    id.parse().unwrap()
}

fn pair(server: &RedisServer) -> [Redis; 2] {
    let namespace = fresh_namespace();
    [(); 2].map(|()| Redis::url(&server.url()).namespace(&namespace))
}

#[tokio::test]
async fn requests_are_answered() {
    for server in each_server() {
        let [here, there] = pair(server);
        let b = name("b");
        let mut inbox = there.messenger().serve(&b).await.unwrap();
        let served = tokio::spawn(async move {
            for _ in 0..100 {
                let incoming = inbox.next().await.unwrap();
                assert!(incoming.age() < SOON);
                let text = incoming.frame.headers.get("text").unwrap().to_owned();
                assert_eq!(text, "ask");
                incoming.reply(frame("answer")).await;
            }
            inbox
        });
        for _ in 0..100 {
            let answer = here.messenger().request(&b, frame("ask"), SOON).await;
            assert_eq!(answer.unwrap(), frame("answer"));
        }
        let mut inbox = served.await.unwrap();
        here.messenger().tell(&b, frame("told")).await.unwrap();
        let told = timeout(SOON, inbox.next()).await.unwrap().unwrap();
        assert_eq!(told.frame, frame("told"));
    }
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    for server in each_server() {
        let [here, there] = pair(server);
        let b = name("b");
        let nobody = |error| matches!(error, Err(RequestError::NoResponder));
        let request = async || {
            let started = Instant::now();
            let answer = here.messenger().request(&b, frame("ask"), SOON).await;
            (answer, started.elapsed())
        };
        let (answer, took) = request().await;
        assert!(nobody(answer) && took < SOON / 4, "{took:?}");
        // An inbox that is closed with a request in it.
        let inbox = there.messenger().serve(&b).await.unwrap();
        let close = async {
            sleep(Duration::from_millis(200)).await;
            drop(inbox);
        };
        let ((answer, took), ()) = tokio::join!(request(), close);
        assert!(nobody(answer) && took < SOON / 2, "{took:?}");
        sleep(Duration::from_millis(200)).await;
        let (answer, _) = request().await;
        assert!(nobody(answer));
        // One that takes it and says nothing.
        let mut inbox = there.messenger().serve(&b).await.unwrap();
        let (answer, taken) = tokio::join!(
            here.messenger().request(&b, frame("ask"), SOON / 4),
            inbox.next()
        );
        assert!(matches!(answer, Err(RequestError::Timeout)));
        assert!(taken.is_some());
    }
}

#[tokio::test]
async fn an_inbox_that_is_opened_anew_ends_the_former() {
    for server in each_server() {
        let [here, there] = pair(server);
        let b = name("b");
        let mut former = here.messenger().serve(&b).await.unwrap();
        let mut inbox = there.messenger().serve(&b).await.unwrap();
        assert!(timeout(SOON, former.next()).await.unwrap().is_none());
        let answered = here.messenger().request(&b, frame("ask"), SOON);
        let (answer, ()) = tokio::join!(answered, async {
            inbox.next().await.unwrap().reply(frame("new")).await;
        });
        assert_eq!(answer.unwrap(), frame("new"));
    }
}

#[tokio::test]
async fn broadcasts_reach_every_subscription_that_matches_once() {
    for server in each_server() {
        let [here, there] = pair(server);
        let mut subscriptions = Vec::new();
        let patterns = ["a.b.c", "a.*.c", "a.>", "*.b.c", "a.*", "a.[b].c", "a.?.c"];
        for pattern in patterns {
            for redis in [&here, &there] {
                subscriptions.push((pattern, redis.messenger().subscribe(pattern).await.unwrap()));
            }
        }
        assert!(here.messenger().subscribe("a..b").await.is_err());
        for subject in ["a.b.c", "a.b.x.c", "a.b", "a.[b].c", "other", "last.b.c"] {
            let sent = here.messenger().broadcast(subject, frame("x")).await;
            sent.unwrap();
        }
        let a_while = Duration::from_millis(300);
        for (pattern, subscription) in &mut subscriptions {
            let mut heard = Vec::new();
            while let Ok(Some((subject, told))) = timeout(a_while, subscription.next()).await {
                assert_eq!(told, frame("x"));
                heard.push(subject);
            }
            let expected: &[&str] = match *pattern {
                "a.b.c" => &["a.b.c"],
                "a.*.c" => &["a.b.c", "a.[b].c"],
                "a.>" => &["a.b.c", "a.b.x.c", "a.b", "a.[b].c"],
                "*.b.c" => &["a.b.c", "last.b.c"],
                "a.*" => &["a.b"],
                "a.[b].c" => &["a.[b].c"],
                _ => &[],
            };
            assert_eq!(heard, expected, "{pattern}");
        }
    }
}

#[tokio::test]
async fn nothing_stays_behind() {
    for version in ["7.0", "8.2"] {
        let server = RedisServer::start(version);
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = connection(&client).await;
        {
            let [here, there] = pair(&server);
            let [a, b] = [name("a"), name("b")];
            let inbox = there.messenger().serve(&b).await.unwrap();
            let all = there.messenger().subscribe("all.*").await.unwrap();
            let watch = there.records().watch().await.unwrap();
            let _ = here.messenger().request(&a, frame("ask"), SOON).await;
            let mut channels = redis::cmd("PUBSUB");
            channels.arg("CHANNELS");
            let listed: Vec<String> = channels.query_async(&mut connection).await.unwrap();
            assert_eq!(listed.len(), 3, "{listed:?}");
            drop((inbox, all, watch));
            sleep(Duration::from_millis(300)).await;
            let listed: Vec<String> = channels.query_async(&mut connection).await.unwrap();
            assert_eq!(listed.len(), 1, "for answers: {listed:?}");
            let mut patterns = redis::cmd("PUBSUB");
            patterns.arg("NUMPAT");
            let count: u64 = patterns.query_async(&mut connection).await.unwrap();
            assert_eq!(count, 0);
        }
        sleep(Duration::from_millis(300)).await;
        let mut list = redis::cmd("CLIENT");
        list.arg("LIST");
        let clients: String = list.query_async(&mut connection).await.unwrap();
        assert_eq!(clients.lines().count(), 1, "{clients}");
        let keys: u64 = redis::cmd("DBSIZE")
            .query_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(keys, 0, "frames store nothing");
    }
}

#[tokio::test]
async fn a_request_to_an_inbox_that_closes_is_answered_or_refused() {
    for server in each_server() {
        let [here, there] = pair(server);
        let b = name("b");
        for _ in 0..50 {
            let mut inbox = there.messenger().serve(&b).await.unwrap();
            let asking: Vec<_> = (0..20)
                .map(|_| {
                    let (here, b) = (here.clone(), b.clone());
                    tokio::spawn(async move {
                        for _ in 0..10 {
                            let answer = here.messenger().request(&b, frame("ask"), SOON).await;
                            assert!(
                                matches!(answer, Ok(_) | Err(RequestError::NoResponder)),
                                "{answer:?}"
                            );
                        }
                    })
                })
                .collect();
            for _ in 0..50 {
                inbox.next().await.unwrap().reply(frame("answer")).await;
            }
            drop(inbox);
            for asking in asking {
                asking.await.unwrap();
            }
        }
    }
}
