use super::*;
use crate::site::each_server;
use catga::transport::{Shared, SharedIntake, VISIBILITY};
use serde_json::json;

async fn share(stock: &Stock, node: &str) -> Box<dyn SharedIntake> {
    stock.queues().share(&stock.service, node).await.unwrap()
}

async fn next(intake: &mut Box<dyn SharedIntake>, room: usize) -> Vec<Shared> {
    let next = timeout(PATIENCE, intake.next(room)).await;
    next.expect("nothing comes").expect("it broke")
}

/// The consumer of the shared queue.
async fn consumer(stock: &Stock) -> serde_json::Value {
    let what = format!("CONSUMER.INFO.{}.shared", stock.stream());
    stock.api(&what, json!({})).await
}

#[tokio::test]
async fn consumers_compete_and_generations_do_not_mind() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let mut intakes = [share(&stock, "a").await, share(&stock, "b").await];
        let _generation = stock.open("n-1-1", &[0, 1, 2, 3]).await;
        let all: Vec<_> = (0..20).map(|n| n.to_string()).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        for stored in stock.append(Part::Shared, 1, &all).await {
            stored.unwrap();
        }
        let mut taken = Vec::new();
        while taken.len() < 20 {
            for intake in &mut intakes {
                if let Ok(Some(entries)) = timeout(Duration::from_millis(50), intake.next(3)).await
                {
                    assert!(entries.len() <= 3);
                    taken.extend(entries);
                }
            }
        }
        assert!(taken.iter().all(|shared| shared.taken == 1));
        let mut texts: Vec<_> = taken
            .iter()
            .map(|it| it.entry.as_ref().unwrap().payload.clone())
            .collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 20);
        let tickets: Vec<_> = taken.into_iter().map(|shared| shared.ticket).collect();
        stock
            .queues()
            .settle(&stock.service, &tickets)
            .await
            .unwrap();
        let info = stock
            .api(&format!("STREAM.INFO.{}", stock.stream()), json!({}))
            .await;
        assert_eq!(info["state"]["messages"], 0);
        let consumer = consumer(&stock).await;
        let visibility = u64::try_from(VISIBILITY.as_nanos()).unwrap();
        assert_eq!(consumer["config"]["ack_wait"], visibility);
        assert_eq!(consumer["config"]["max_ack_pending"], -1);
    }
}

#[tokio::test]
async fn what_is_given_back_comes_at_once() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock
            .append(Part::Shared, 1, &["1"])
            .await
            .remove(0)
            .unwrap();
        let mut intake = share(&stock, "a").await;
        for taken in 1..=3 {
            let entries = next(&mut intake, 5).await;
            assert_eq!(entries[0].taken, taken);
            let tickets = [entries[0].ticket.clone()];
            stock
                .queues()
                .give_back(&stock.service, &tickets)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn who_is_at_work_keeps_what_it_has() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock.append(Part::Shared, 1, &["kept", "lost"]).await;
        let mut intake = share(&stock, "a").await;
        // Half a minute is too long for a test; the next to share sets it again.
        let mut config = consumer(&stock).await["config"].take();
        config["ack_wait"] = 1_000_000_000.into();
        let what = format!("CONSUMER.CREATE.{}.shared", stock.stream());
        stock
            .api(
                &what,
                json!({ "stream_name": stock.stream(), "config": config }),
            )
            .await;
        let mut taken = next(&mut intake, 2).await;
        if taken.len() < 2 {
            taken.extend(next(&mut intake, 1).await);
        }
        let kept = [taken[0].ticket.clone()];
        for _ in 0..6 {
            stock.queues().extend(&stock.service, &kept).await.unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        let again = next(&mut intake, 2).await;
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].entry.as_ref().unwrap().payload, "lost");
        assert!(again[0].taken >= 2);
        let _other = share(&stock, "b").await;
        assert_eq!(
            consumer(&stock).await["config"]["ack_wait"],
            30_000_000_000_u64
        );
    }
}

#[tokio::test]
async fn a_consumer_that_is_gone_ends_the_intake() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock.append(Part::Shared, 1, &["1"]).await;
        let mut intake = share(&stock, "a").await;
        let taken = next(&mut intake, 1).await;
        let what = format!("CONSUMER.DELETE.{}.shared", stock.stream());
        stock.api(&what, json!({})).await;
        let end = async { while intake.next(1).await.is_some() {} };
        timeout(PATIENCE, end).await.unwrap();
        let tickets = [taken[0].ticket.clone()];
        let settled = stock.queues().settle(&stock.service, &tickets).await;
        settled.unwrap_err();
        assert_eq!(next(&mut share(&stock, "a").await, 1).await.len(), 1);
    }
}
