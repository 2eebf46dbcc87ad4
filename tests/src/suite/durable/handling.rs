//! How stored messages are handled: once, in order, and to their end.

use std::collections::HashSet;
use std::time::Duration;

use catga::delivery::Reason;
use catga::message::ContentType;
use catga::node::StoreError;
use catga::routing::{Key, partition_of};
use catga::transport::Entry;
use catga::{MessageId, Options};
use tokio::time::{sleep, timeout};

use super::super::Cluster;
use super::super::site::{Site, all_owned, until};
use super::work::{self, Follow, Happened, Job, Put, Sink, Spread, Try};
use super::{append, builder, builder_on, foreign_entry, in_order, letters, nodes};

const SOON: Duration = Duration::from_secs(20);

pub async fn what_is_enqueued_is_handled_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    for n in 0..100 {
        let from = if n % 2 == 0 { &a } else { &b };
        let put = Put {
            key: n % 10,
            n,
            ms: 0,
        };
        let stored = from.enqueue(put).await.unwrap();
        assert!(!stored.is_repeated());
    }
    until("all ran", SOON, || sink.len() >= 100).await;
    a.shutdown().await.unwrap();
    b.shutdown().await.unwrap();
    assert_eq!(sink.len(), 100);
    let by: HashSet<_> = sink.all().into_iter().map(|ran| ran.node).collect();
    assert_eq!(by.len(), 2, "both nodes had a share");
}

pub async fn nodes_write_and_read_different_formats<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let packed = builder(&site, &sink, "packed").content_type(ContentType::MessagePack);
    let packed = packed.start().await.unwrap();
    let plain = builder(&site, &sink, "plain").content_type(ContentType::Json);
    let plain = plain.start().await.unwrap();
    all_owned(&[packed.clone(), plain.clone()], 32).await;
    for n in 0..40 {
        let from = if n % 2 == 0 { &packed } else { &plain };
        from.enqueue(Put { key: n, n, ms: 0 }).await.unwrap();
    }
    until("all ran", SOON, || sink.len() >= 40).await;
    let by: HashSet<_> = sink.all().into_iter().map(|ran| ran.node).collect();
    assert_eq!(by.len(), 2, "each read what the other wrote");
    assert!(packed.dead_letters().await.unwrap().is_empty());
}

pub async fn each_key_is_in_order_and_never_overlaps<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, _b] = nodes(&site, &sink, ["a", "b"]).await;
    let puts = (0..200).map(|n| Put {
        key: n % 5,
        n,
        ms: n % 3,
    });
    for stored in a.enqueue_all(puts).await {
        stored.unwrap();
    }
    until("all ran", SOON, || sink.len() >= 200).await;
    for key in 0..5 {
        let expected: Vec<u64> = (0..200).filter(|n| n % 5 == key).collect();
        assert_eq!(sink.of_key(key), expected, "key {key}");
    }
    assert!(sink.overlaps().is_empty());
}

pub async fn unkeyed_messages_are_shared<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, _b] = nodes(&site, &sink, ["a", "b"]).await;
    for stored in a.enqueue_all((0..60).map(|n| Job { n, ms: 5 })).await {
        stored.unwrap();
    }
    until("all ran", SOON, || sink.len() >= 60).await;
    let ran: HashSet<u64> = sink.all().iter().map(|ran| ran.n).collect();
    assert_eq!((sink.len(), ran.len()), (60, 60));
}

pub async fn an_event_is_handled_once_per_service<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [shop] = nodes(&site, &sink, ["a"]).await;
    let line = site.line("books-1");
    let books = builder_on(&line, &sink, "books", "books-1")
        .only(|handler| {
            handler.module() == super::work::MODULE
                && handler.message().kind() == catga::message::Kind::Event
        })
        .start()
        .await
        .unwrap();
    let event = Happened {
        key: 1,
        n: 1,
        fails: 0,
    };
    let published = shop.publish(event).await.unwrap();
    assert_eq!(published.services().collect::<Vec<_>>(), ["books", "shop"]);
    until("all ran", SOON, || sink.len() >= 4).await;
    books.shutdown().await.unwrap();
    shop.shutdown().await.unwrap();
    let mut by: Vec<_> = sink
        .all()
        .into_iter()
        .map(|ran| (ran.node, ran.handler))
        .collect();
    by.sort();
    let expected = [
        ("a", "first"),
        ("a", "second"),
        ("books-1", "first"),
        ("books-1", "second"),
    ];
    assert_eq!(
        by,
        expected.map(|(node, handler)| (node.to_owned(), handler))
    );
}

pub async fn nobody_takes_it<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let line = site.line("client");
    let client = builder_on(&line, &sink, "clients", "client")
        .only(|_| false)
        .start()
        .await
        .unwrap();
    let published = client
        .publish(Happened {
            key: 1,
            n: 1,
            fails: 0,
        })
        .await
        .unwrap();
    assert_eq!(published.services().len(), 0, "a fact, and no error");
    let error = client.enqueue(Job { n: 1, ms: 0 }).await.unwrap_err();
    assert!(matches!(error, StoreError::NoService { .. }), "{error}");
}

pub async fn the_same_id_is_stored_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    let id = MessageId::new();
    let put = Put {
        key: 1,
        n: 1,
        ms: 0,
    };
    let stored = a
        .with(Options::new().id(id))
        .enqueue(put.clone())
        .await
        .unwrap();
    assert_eq!((stored.id(), stored.is_repeated()), (id, false));
    let again = b
        .with(Options::new().id(id))
        .enqueue(put.clone())
        .await
        .unwrap();
    assert!(again.is_repeated());
    a.enqueue(Put { n: 2, ..put }).await.unwrap();
    until("both ran", SOON, || sink.len() >= 2).await;
    assert_eq!(sink.of_key(1), [1, 2]);
    assert_eq!(sink.len(), 2);
}

pub async fn a_failed_attempt_is_tried_again_in_its_lane<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    a.enqueue(Try::new(1, 1, 2)).await.unwrap();
    a.enqueue(Try::new(1, 2, 0)).await.unwrap();
    a.enqueue(Try::new(2, 3, 0)).await.unwrap();
    until("all ran", SOON, || sink.len() >= 5).await;
    let ran: Vec<_> = sink
        .all()
        .iter()
        .filter(|ran| ran.key == 1)
        .map(|ran| (ran.n, ran.attempt))
        .collect();
    assert_eq!(ran, [(1, 1), (1, 2), (1, 3), (2, 1)]);
    let other = sink.all().iter().position(|ran| ran.key == 2).unwrap();
    assert!(other < 4, "another key does not wait");
}

pub async fn what_is_given_up_is_a_dead_letter_and_its_key_goes_on<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    a.enqueue(Try::new(1, 1, 9)).await.unwrap();
    a.enqueue(Try {
        permanent: true,
        ..Try::new(1, 2, 0)
    })
    .await
    .unwrap();
    a.enqueue(Try {
        panics: true,
        ..Try::new(2, 3, 0)
    })
    .await
    .unwrap();
    a.enqueue(Try::new(1, 4, 0)).await.unwrap();
    let mut letters = letters(&a, 3).await;
    letters.sort_by_key(|letter| String::from_utf8(letter.payload().to_vec()).unwrap());
    let told: Vec<_> = letters
        .iter()
        .map(|letter| {
            (
                letter.key(),
                letter.reason(),
                letter.attempts(),
                letter.error_chain()[0].clone(),
            )
        })
        .collect();
    assert_eq!(
        told[0],
        (Some("1"), Reason::Attempts, 4, "not now".to_owned())
    );
    assert_eq!(
        told[1],
        (Some("1"), Reason::Permanent, 1, "never".to_owned())
    );
    assert_eq!(told[2].2, 5, "{told:?}");
    assert!(told[2].3.contains("as it was told"), "{told:?}");
    assert!(
        letters
            .iter()
            .all(|letter| letter.handler().unwrap().ends_with("::try_it")
                && letter.node() == "a"
                && letter.message() == "Try")
    );
    until("the key goes on", SOON, || sink.of_key(1) == [1, 2, 4]).await;
}

pub async fn a_dead_letter_is_replayed_at_the_tail<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    a.enqueue(Try {
        permanent: true,
        ..Try::new(1, 1, 0)
    })
    .await
    .unwrap();
    a.enqueue(Try::new(1, 2, 0)).await.unwrap();
    until("both ran", SOON, || sink.of_key(1) == [1, 2]).await;
    let mut letters = letters(&b, 1).await;
    let letter = letters.remove(0);
    let stored = b.replay(&letter).await.unwrap().unwrap();
    assert_eq!(stored.id(), letter.id());
    until("it ran again", SOON, || sink.len() >= 3).await;
    let last = sink.all().pop().unwrap();
    assert_eq!((last.n, last.attempt, last.replay), (1, 1, true));
    assert!(b.replay(&letter).await.unwrap().is_none(), "only once");
    assert!(a.dead_letters().await.unwrap().is_empty());
}

pub async fn a_replay_for_a_handler_that_is_not_here_is_a_letter_again<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    let (key, n) = (1, 1);
    let failing = Happened { key, n, fails: 9 };
    let published = a.publish(failing).await.unwrap();
    let letter = letters(&a, 1).await.remove(0);
    a.shutdown().await.unwrap();
    let ran = sink.len();
    // A version of the service before or after.
    let b = builder(&site, &sink, "b");
    let b = b.only(|handler| handler.module() == work::MODULE && handler.name() != "second");
    let b = b.start().await.unwrap();
    assert!(b.replay(&letter).await.unwrap().is_some());
    let again = async {
        loop {
            let found = b.dead_letters_after(letter.number(), 1).await.unwrap();
            if let Some(found) = found.into_iter().next() {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let again = timeout(SOON, again).await.expect("it is a letter again");
    assert_eq!(again.id(), published.id());
    assert_eq!(again.handler(), letter.handler());
    assert!(again.error_chain()[0].contains("second"), "{again:?}");
    assert_eq!(b.dead_letters().await.unwrap().len(), 1);
    assert_eq!(sink.len(), ran, "no other handler runs");
}

pub async fn two_replays_of_a_letter_at_once_are_one<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, b] = nodes(&site, &sink, ["a", "b"]).await;
    let mut command = Try::new(1, 1, 0);
    command.permanent = true;
    a.enqueue(command).await.unwrap();
    let letter = letters(&a, 1).await.remove(0);
    let (one, other) = tokio::join!(a.replay(&letter), b.replay(&letter));
    let stored: Vec<_> = [one.unwrap(), other.unwrap()]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(stored.iter().filter(|it| !it.is_repeated()).count(), 1);
    until("it ran", SOON, || sink.len() == 2).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.len(), 2);
    assert!(a.dead_letters().await.unwrap().is_empty());
}

pub async fn a_discarded_letter_is_gone<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    for n in 0..3 {
        a.enqueue(Try {
            permanent: true,
            ..Try::new(n, n, 0)
        })
        .await
        .unwrap();
    }
    let letters = letters(&a, 3).await;
    assert!(a.discard(&letters[1]).await.unwrap());
    assert!(!a.discard(&letters[1]).await.unwrap());
    let left: Vec<u64> = a
        .dead_letters()
        .await
        .unwrap()
        .iter()
        .map(catga::delivery::DeadLetter::number)
        .collect();
    assert_eq!(left, [letters[0].number(), letters[2].number()]);
    let page = a.dead_letters_after(letters[0].number(), 1).await.unwrap();
    assert_eq!(page[0].number(), letters[2].number());
}

pub async fn handlers_that_finished_do_not_run_again<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    a.publish(Happened {
        key: 1,
        n: 1,
        fails: 2,
    })
    .await
    .unwrap();
    a.publish(Happened {
        key: 1,
        n: 2,
        fails: 0,
    })
    .await
    .unwrap();
    until("all ran", SOON, || sink.len() >= 6).await;
    assert_eq!(sink.by_handler("first").len(), 2);
    let second: Vec<_> = sink
        .by_handler("second")
        .iter()
        .map(|ran| (ran.n, ran.attempt))
        .collect();
    assert_eq!(second, [(1, 1), (1, 2), (1, 3), (2, 1)]);
}

pub async fn what_a_handler_stores_again_is_stored_once<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, _b] = nodes(&site, &sink, ["a", "b"]).await;
    a.enqueue(Spread {
        key: 1,
        n: 1,
        children: 3,
    })
    .await
    .unwrap();
    until("it ran twice", SOON, || {
        sink.by_handler("spread").len() == 2
    })
    .await;
    until("its children ran", SOON, || {
        sink.by_handler("put").len() >= 3
    })
    .await;
    a.enqueue(Put {
        key: 1_001,
        n: 99,
        ms: 0,
    })
    .await
    .unwrap();
    until("the last ran", SOON, || sink.of_key(1_001).contains(&99)).await;
    assert_eq!(sink.of_key(1_001), [0, 1, 2, 99]);
    assert_eq!(sink.by_handler("put").len(), 4);
}

pub async fn a_trace_goes_on_with_what_a_handler_sends_and_stores<C: Cluster>(cluster: C) {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const OWN: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a, _b] = nodes(&site, &sink, ["a", "b"]).await;
    let follow = |key| Follow {
        key,
        own: OWN.to_owned(),
    };
    let options = Options::new()
        .header("traceparent", TRACE)
        .header("tracestate", "shop=1")
        .header("tenant", "acme");
    a.with(options).enqueue(follow(1)).await.unwrap();
    // The parent, two jobs, what is published, what each node overhears, and the calls.
    until("all ran", SOON, || sink.len() >= 14).await;
    for ran in sink.all() {
        let expected = if ran.n == 3 {
            [Some(OWN.to_owned()), None]
        } else {
            [TRACE, "shop=1"].map(|value| Some(value.to_owned()))
        };
        assert_eq!(ran.trace, expected, "{ran:?}");
    }
    assert_eq!(sink.len(), 14, "{:?}", sink.all());
    a.enqueue(follow(2)).await.unwrap();
    until("all ran", SOON, || sink.len() >= 28).await;
    for ran in &sink.all()[14..] {
        let own = (ran.n == 3).then(|| OWN.to_owned());
        assert_eq!(ran.trace, [own, None], "{ran:?}");
    }
}

pub async fn the_fence_is_the_epoch_of_the_owner<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    a.enqueue(Put {
        key: 7,
        n: 1,
        ms: 0,
    })
    .await
    .unwrap();
    until("it ran", SOON, || sink.len() == 1).await;
    let epochs = a.partitions();
    assert!(epochs.values().any(|epoch| *epoch == sink.all()[0].fence));
    a.shutdown().await.unwrap();
    let b = builder(&site, &sink, "b").start().await.unwrap();
    b.enqueue(Put {
        key: 7,
        n: 2,
        ms: 0,
    })
    .await
    .unwrap();
    until("it ran", SOON, || sink.len() == 2).await;
    let ran = sink.all();
    assert!(ran[0].fence < ran[1].fence, "{ran:?}");
}

/// What others may write, and no handler can read.
const UNREADABLE: [(&str, &str, &[u8]); 10] = [
    ("Put", "application/json", b""),
    ("Put", "application/json", b"{"),
    ("Put", "application/json", b"null"),
    ("Put", "application/json", b"[1, 2]"),
    ("Put", "application/json", b"{\"key\": 1, \"ms\": 0}"),
    (
        "Put",
        "application/json",
        b"{\"key\": 1, \"n\": \"two\", \"ms\": 0}",
    ),
    (
        "Put",
        "application/json",
        b"{\"key\": 1, \"n\": -3, \"ms\": 0}",
    ),
    ("Put", "application/json", b"\xff\xfe\x00"),
    (
        "Put",
        "application/x-unheard-of",
        b"{\"key\": 1, \"n\": 2, \"ms\": 0}",
    ),
    (
        "Nothing.Known",
        "application/json",
        b"{\"key\": 1, \"n\": 2, \"ms\": 0}",
    ),
];

pub async fn what_cannot_be_read_holds_nobody_up<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    let transport = site.cluster.transport();
    let partition = partition_of(Key::from_text("1").fnv1a32(), 32);
    for (n, (name, content_type, payload)) in (0..).zip(UNREADABLE) {
        a.enqueue(Put { key: 1, n, ms: 0 }).await.unwrap();
        let entry = foreign_entry(name, Some("1"), content_type, payload);
        append(&*transport, "shop", partition, n + 1, false, entry).await;
    }
    a.enqueue(Put {
        key: 1,
        n: 10,
        ms: 0,
    })
    .await
    .unwrap();
    until("all that can be read ran", SOON, || sink.len() >= 11).await;
    assert_eq!(sink.of_key(1), (0..=10).collect::<Vec<_>>());
    let letters = letters(&a, UNREADABLE.len()).await;
    // In their order, as they came.
    for (letter, (name, _, payload)) in letters.iter().zip(UNREADABLE) {
        assert_eq!((letter.message(), letter.payload()), (name, payload));
        let is_unknown = letter.reason() == Reason::UnknownType;
        assert_eq!(is_unknown, name != "Put", "{letter}");
        assert!(!letter.error_chain().is_empty(), "{letter}");
    }
    assert_eq!(sink.len(), 11);
}

pub async fn letters_of_one_id_are_told_apart<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let [a] = nodes(&site, &sink, ["a"]).await;
    let transport = site.cluster.transport();
    let id = MessageId::new();
    // The first of two partitions, so that even their places are the same where each counts its own.
    for (number, key) in (1..).zip(["1", "2"]) {
        let partition = partition_of(Key::from_text(key).fnv1a32(), 32);
        let name = format!("Unheard{key}");
        let entry = Entry {
            id,
            ..foreign_entry(&name, Some(key), "application/json", b"")
        };
        append(&*transport, "shop", partition, number, true, entry).await;
    }
    let letters = letters(&a, 2).await;
    let mut keys: Vec<_> = letters.iter().map(|letter| letter.key().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["1", "2"]);
}

pub async fn a_blocked_key_does_not_hold_up_the_others<C: Cluster>(cluster: C) {
    let site = Site::new(cluster);
    let sink = Sink::default();
    let a = builder(&site, &sink, "a")
        .max_in_flight(4)
        .start()
        .await
        .unwrap();
    all_owned(std::slice::from_ref(&a), 32).await;
    // With room for 32 payloads: all of them wait behind one that fails.
    let retry = |n| Try::new(1, n, if n == 0 { 3 } else { 0 });
    for stored in a.enqueue_all((0..500).map(retry)).await {
        stored.unwrap();
    }
    for stored in a
        .enqueue_all((0..50).map(|n| Put { key: 2, n, ms: 0 }))
        .await
    {
        stored.unwrap();
    }
    until("the other key ran", SOON, || sink.of_key(2).len() == 50).await;
    until("all ran", 3 * SOON, || sink.of_key(1).len() == 500).await;
    in_order(&sink, 1..2, 500);
}
