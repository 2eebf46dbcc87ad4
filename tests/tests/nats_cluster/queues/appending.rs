use super::*;
use crate::site::each_server;
use futures_util::StreamExt as _;
use serde_json::json;

#[tokio::test]
async fn entries_arrive_as_they_were() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let strange = Entry {
            name: "order placed \u{1F980} *.>".into(),
            source: "sh\u{f6}p".into(),
            key: Some("".into()),
            time: SystemTime::UNIX_EPOCH - Duration::from_nanos(1),
            content_type: "text/plain; charset=utf-8".into(),
            headers: Headers::from_iter([
                ("traceparent", "00-1-2-01"),
                ("Nats-Msg-Id", "mine"),
                ("nats-rollup", "all"),
                ("Gr\u{fc}n", "\r\n\u{0}"),
                ("", ""),
            ]),
            payload: Bytes::new(),
            ..entry("")
        };
        let keyed = Entry {
            key: Some("acme\u{1f}7\\\u{1f}".into()),
            ..entry("{}")
        };
        let all = [strange, keyed, entry("plain")].map(Arc::new);
        let appends: Vec<_> = (all.iter().zip(1..))
            .map(|(entry, number)| Append {
                number,
                given: true,
                entry: Arc::clone(entry),
            })
            .collect();
        let queue = stock.queue(Part::Partition(3));
        for stored in stock.queues().append(&queue, 1, &appends).await {
            assert_eq!(stored.unwrap(), Appended::New);
        }
        let mut intake = stock.open("a", &[0, 3]).await.intake;
        let received = take(&mut intake, 3).await;
        for (received, entry) in received.iter().zip(&all) {
            assert_eq!(received.entry.as_ref(), Ok(entry));
            assert_eq!(received.partition, 3);
        }
        let positions: Vec<_> = received.iter().map(|received| received.position).collect();
        let again = stock.queues().fetch(&stock.service, 3, &positions).await;
        for (again, entry) in again.unwrap().into_iter().zip(&all) {
            assert_eq!(again, Some(Ok(Arc::clone(entry))));
        }
    }
}

#[tokio::test]
async fn others_see_cloud_events() {
    let [server, _] = each_server();
    let stock = Stock::on(server).await;
    let mut seen = stock
        .server
        .subscribe(format!("{}.q.>", stock.namespace))
        .await
        .unwrap();
    stock.server.flush().await.unwrap();
    let _ = stock.server.request("nobody", "".into()).await.unwrap_err();
    stock.store(2, 1, &["{}"]).await;
    let message = seen.next().await.unwrap();
    assert!(
        message.subject.ends_with(".q.shop.p.2"),
        "{}",
        message.subject
    );
    let headers = message.headers.unwrap();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-type", "Placed"),
        ("ce-source", "shop"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(headers.get(name).unwrap().as_str(), value);
    }
}

#[tokio::test]
async fn what_is_repeated_is_not_stored_again() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let queue = stock.queue(Part::Partition(0));
        let append = async |writer, append: &Append| {
            let stored = stock
                .queues()
                .append(&queue, writer, std::slice::from_ref(append))
                .await;
            stored.into_iter().next().unwrap().unwrap()
        };
        let first = plain(1, "1");
        assert_eq!(append(1, &first).await, Appended::New);
        assert_eq!(append(1, &first).await, Appended::Repeated);
        let given = Append {
            number: 9,
            given: true,
            ..first
        };
        assert_eq!(append(2, &given).await, Appended::Repeated, "by its id");
        let mut renamed = Entry::clone(&given.entry);
        renamed.name = "Other".into();
        let renamed = Append {
            entry: Arc::new(renamed),
            ..given
        };
        assert_eq!(append(2, &renamed).await, Appended::New, "another name");
        let other = stock.queue(Part::Partition(1));
        let stored = stock.queues().append(&other, 1, &[given]).await;
        assert_eq!(*stored[0].as_ref().unwrap(), Appended::New, "another queue");
    }
}

#[tokio::test]
async fn a_full_queue_refuses_and_goes_on_later() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let what = format!("STREAM.INFO.{}", stock.stream());
        let mut config = stock.api(&what, json!({})).await["config"].take();
        config["max_msgs"] = 2.into();
        stock
            .api(&format!("STREAM.UPDATE.{}", stock.stream()), config)
            .await;
        let stored = stock.append(Part::Partition(0), 1, &["1", "2", "3"]).await;
        assert!(
            matches!(stored[..], [Ok(_), Ok(_), Err(AppendError::Full)]),
            "{stored:?}"
        );
        stock.queues().provision(&stock.service, 4).await.unwrap();
        let mut intake = stock.open("a", &[0]).await.intake;
        let received = take(&mut intake, 2).await;
        let letter = entry("dead");
        let generation = stock.generation("a");
        let release = catga::transport::Release::Partition(&generation, ack_of(&received[0]));
        stock
            .queues()
            .bury(&stock.service, "1", &letter, Some(release))
            .await
            .unwrap();
        loop {
            let stored = stock.append(Part::Partition(0), 3, &["3"]).await;
            match &stored[0] {
                Ok(Appended::New) => break,
                Err(AppendError::Full) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(texts(&take(&mut intake, 1).await), ["3"]);
    }
}

#[tokio::test]
async fn what_is_too_large_is_told_and_the_others_are_stored() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let limit = 1_024 * 1_024 - 16 * 1_024;
        let (large, larger) = ("x".repeat(limit), "x".repeat(limit + 1));
        let texts_of = ["a", &*larger, &*large, "b"];
        let stored = stock.append(Part::Partition(0), 1, &texts_of).await;
        let [
            Ok(_),
            Err(AppendError::TooLarge { size, limit: told }),
            Ok(_),
            Ok(_),
        ] = &stored[..]
        else {
            panic!("{stored:?}");
        };
        assert_eq!(*told, limit);
        assert!(*size > limit);
        let mut intake = stock.open("a", &[0]).await.intake;
        assert_eq!(texts(&take(&mut intake, 3).await), ["a", &*large, "b"]);
        // More than is asked for at once.
        for number in 0..40 {
            stock.store(0, 10 + number, &[&*large]).await;
        }
        assert_eq!(take(&mut intake, 40).await.len(), 40);
    }
}

#[tokio::test]
async fn a_lost_connection_leaves_doubt_which_repeating_ends() {
    use catga_tests::servers::proxy::{Flow, Proxy};

    for server in each_server() {
        let stock = Stock::on(server).await;
        let proxy = Proxy::to(server.port()).await;
        let url = format!("nats://127.0.0.1:{}", proxy.port());
        let nats = Nats::url(&url).namespace(&stock.namespace);
        let appends: Vec<_> = (1..=2_000).map(|n| plain(n, &n.to_string())).collect();
        let queue = stock.queue(Part::Partition(0));
        let warm = nats.queues().append(&queue, 1, &appends[..1]).await;
        assert!(warm[0].is_ok());
        let cut = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            proxy.set(Flow::Held);
            tokio::time::sleep(Duration::from_millis(100)).await;
            proxy.set(Flow::Open);
            proxy.cut();
        };
        let (mut stored, ()) = tokio::join!(nats.queues().append(&queue, 1, &appends), cut);
        let mut tries = 0;
        while stored.iter().any(Result::is_err) {
            tries += 1;
            assert!(tries < 20, "{stored:?}");
            stored = nats.queues().append(&queue, 1, &appends).await;
        }
        let mut intake = stock.open("a", &[0]).await.intake;
        let received = take(&mut intake, 2_000).await;
        let mut numbers: Vec<u64> = received
            .iter()
            .map(|it| text(it).parse().unwrap())
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(1..=2_000));
        assert_eq!(idle(&mut intake).await, 2_000, "nothing is there twice");
    }
}
