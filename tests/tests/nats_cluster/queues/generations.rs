use super::*;
use crate::site::each_server;
use serde_json::json;

#[tokio::test]
async fn a_new_generation_gets_what_is_not_acknowledged_in_order() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock.store(0, 1, &["a1", "a2", "a3"]).await;
        stock.store(1, 1, &["b1", "b2"]).await;
        let mut first = stock.open("n-1-1", &[0, 1]).await;
        assert_eq!(first.received, []);
        let received = take(&mut first.intake, 5).await;
        assert_eq!(texts(&received), ["a1", "a2", "a3", "b1", "b2"]);
        let numbers: Vec<_> = received.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!(idle(&mut first.intake).await, 5);
        stock.ack("n-1-1", &[&received[1], &received[3]]).await;
        stock.store(0, 4, &["a4"]).await;
        take(&mut first.intake, 1).await;
        // Of all partitions there is one filter.
        let mut second = stock.open("n-1-2", &[0, 1, 2, 3]).await;
        assert_eq!(second.received, [(0, 6), (1, 6)]);
        assert_eq!(second.stream, first.stream);
        ends(&mut first.intake).await;
        let generation = stock.generation("n-1-1");
        let stale = stock
            .queues()
            .ack(&generation, &[ack_of(&received[0])])
            .await;
        assert!(catga_tests::texts(&stale.unwrap_err())[1].contains("has ended"));
        let received = take(&mut second.intake, 4).await;
        assert_eq!(texts(&received), ["a1", "a3", "b2", "a4"]);
        assert_eq!(idle(&mut second.intake).await, 4);
        stock
            .ack("n-1-2", &received.iter().collect::<Vec<_>>())
            .await;
        for partition in 0..4 {
            let oldest = async || stock.queues().oldest(&stock.service, partition).await;
            while oldest().await.unwrap().is_some() {}
        }
        let closed = stock.generation("n-1-2");
        for _ in 0..2 {
            stock.queues().close(&closed).await.unwrap();
        }
        let info = stock
            .api(&format!("STREAM.INFO.{}", stock.stream()), json!({}))
            .await;
        assert_eq!(info["state"]["consumer_count"], 0);
    }
}

#[tokio::test]
async fn a_stale_acknowledgement_of_another_process_has_no_effect() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let other = Nats::url(&server.url()).namespace(&stock.namespace);
        stock.store(0, 1, &["a1"]).await;
        let old = stock.generation("old-1-1");
        let mut opened = other.queues().open(&old, &[0]).await.unwrap();
        let received = take(&mut opened.intake, 1).await;
        let mut new = stock.open("new-1-1", &[0]).await;
        assert_eq!(new.received, [(0, 1)]);
        // It does not know yet.
        let _ = other.queues().ack(&old, &[ack_of(&received[0])]).await;
        ends(&mut opened.intake).await;
        other
            .queues()
            .ack(&old, &[ack_of(&received[0])])
            .await
            .unwrap_err();
        assert_eq!(texts(&take(&mut new.intake, 1).await), ["a1"]);
        let oldest = stock.queues().oldest(&stock.service, 0).await.unwrap();
        assert_eq!(oldest, Some(received[0].position.sequence));
    }
}

#[tokio::test]
async fn of_racing_generations_one_reads() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock.store(0, 1, &["a1", "a2"]).await;
        for round in 0..5 {
            let opening: Vec<_> = (0..6)
                .map(|n| {
                    let nats = stock.nats.clone();
                    let generation = stock.generation(&format!("n{n}-{round}-1"));
                    tokio::spawn(async move { nats.queues().open(&generation, &[0]).await })
                })
                .collect();
            let mut opened = Vec::new();
            for opening in opening {
                opened.extend(opening.await.unwrap());
            }
            let what = format!("CONSUMER.NAMES.{}", stock.stream());
            let names = stock.api(&what, json!({})).await;
            assert_eq!(names["consumers"].as_array().unwrap().len(), 1, "{names}");
            let mut alive = 0;
            for mut opened in opened {
                let next = timeout(PATIENCE, opened.intake.next(2)).await.unwrap();
                if let Some(Taken::Entries(entries)) = next {
                    assert_eq!(text(&entries[0]), "a1");
                    alive += 1;
                }
            }
            assert_eq!(alive, 1);
        }
    }
}

#[tokio::test]
async fn generations_of_other_partitions_stay() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let mut one = stock.open("n1", &[0, 1]).await;
        let mut two = stock.open("n2", &[2, 3]).await;
        assert_eq!(two.received, []);
        stock.store(3, 1, &["d"]).await;
        stock.store(1, 1, &["b"]).await;
        assert_eq!(texts(&take(&mut one.intake, 1).await), ["b"]);
        assert_eq!(texts(&take(&mut two.intake, 1).await), ["d"]);
    }
}

#[tokio::test]
async fn a_consumer_that_is_deleted_by_hand_ends_the_intake() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock.store(0, 1, &["a1"]).await;
        let mut opened = stock.open("n-1-1", &[0]).await;
        let received = take(&mut opened.intake, 1).await;
        let what = format!("CONSUMER.DELETE.{}.n-1-1", stock.stream());
        stock.api(&what, json!({})).await;
        ends(&mut opened.intake).await;
        let generation = stock.generation("n-1-1");
        let acked = stock
            .queues()
            .ack(&generation, &[ack_of(&received[0])])
            .await;
        acked.unwrap_err();
        let mut opened = stock.open("n-1-2", &[0]).await;
        assert_eq!(texts(&take(&mut opened.intake, 1).await), ["a1"]);
    }
}

#[tokio::test]
async fn what_comes_again_within_a_generation_has_a_number_of_its_own() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock.store(0, 1, &["a1"]).await;
        let mut opened = stock.open("n-1-1", &[0]).await;
        let first = take(&mut opened.intake, 1).await;
        // An hour is too long for a test.
        let what = format!("CONSUMER.INFO.{}.n-1-1", stock.stream());
        let mut config = stock.api(&what, json!({})).await["config"].take();
        assert_eq!(config["ack_wait"], 3_600_000_000_000_u64);
        assert_eq!(config["max_ack_pending"], -1);
        config["ack_wait"] = 500_000_000.into();
        let what = format!("CONSUMER.CREATE.{}.n-1-1", stock.stream());
        stock
            .api(
                &what,
                json!({ "stream_name": stock.stream(), "config": config }),
            )
            .await;
        let again = take(&mut opened.intake, 1).await;
        assert_eq!(again[0].position, first[0].position);
        assert_eq!((first[0].number, again[0].number), (1, 2));
    }
}

#[tokio::test]
async fn only_a_full_match_is_the_same_message() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock.store(0, 1, &["a1"]).await;
        let mut opened = stock.open("n-1-1", &[0]).await;
        let position = take(&mut opened.intake, 1).await[0].position;
        let Position { sequence, stored } = position;
        let others = [
            Position {
                sequence,
                stored: stored + 1,
            },
            Position {
                sequence: sequence + 1,
                stored,
            },
            position,
        ];
        let found = stock
            .queues()
            .fetch(&stock.service, 0, &others)
            .await
            .unwrap();
        assert!(matches!(found[..], [None, None, Some(Ok(_))]), "{found:?}");
        let found = stock
            .queues()
            .fetch(&stock.service, 1, &[position])
            .await
            .unwrap();
        assert_eq!(found, [None], "another partition");
    }
}

#[tokio::test]
async fn a_stream_that_was_made_anew_is_another_one() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let mut opened = stock.open("n-1-1", &[0]).await;
        stock
            .api(&format!("STREAM.DELETE.{}", stock.stream()), json!({}))
            .await;
        ends(&mut opened.intake).await;
        let stored = stock.append(Part::Partition(0), 1, &["lost"]).await;
        assert!(matches!(stored[0], Err(AppendError::Transport(_))));
        let mut anew = stock.open("n-1-2", &[0]).await;
        assert_ne!(anew.stream, opened.stream);
        stock.store(0, 1, &["a1"]).await;
        assert_eq!(texts(&take(&mut anew.intake, 1).await), ["a1"]);
    }
}

#[tokio::test]
async fn a_dropped_future_loses_nothing() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let mut opened = stock.open("n-1-1", &[0]).await;
        let appends: Vec<_> = (1..=3_000).map(|n| plain(n, &n.to_string())).collect();
        let queue = stock.queue(Part::Partition(0));
        let appending = stock.queues().append(&queue, 1, &appends);
        let reading = async {
            let mut next = 1;
            while next <= 3_000 {
                let short = Duration::from_micros(50);
                if let Ok(taken) = timeout(short, opened.intake.next(7)).await {
                    let Some(Taken::Entries(entries)) = taken else {
                        continue;
                    };
                    assert!(entries.len() <= 7);
                    for entry in entries {
                        assert_eq!((entry.number, text(&entry)), (next, &*next.to_string()));
                        next += 1;
                    }
                }
            }
        };
        let (stored, ()) = tokio::join!(appending, reading);
        assert!(stored.iter().all(Result::is_ok));
    }
}
