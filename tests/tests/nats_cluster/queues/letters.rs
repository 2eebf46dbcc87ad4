use super::*;
use crate::site::each_server;
use catga::transport::Release;
use futures_util::StreamExt as _;

#[tokio::test]
async fn letters_are_kept_until_they_are_discarded() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let queues = stock.queues();
        stock.store(0, 1, &["a1"]).await;
        stock
            .append(Part::Shared, 1, &["s1"])
            .await
            .remove(0)
            .unwrap();
        let mut opened = stock.open("n-1-1", &[0]).await;
        let received = take(&mut opened.intake, 1).await;
        let mut intake = queues.share(&stock.service, "n").await.unwrap();
        let shared = timeout(PATIENCE, intake.next(1)).await.unwrap().unwrap();
        let (first, second) = (entry("first"), entry("second"));
        let generation = stock.generation("n-1-1");
        let release = || Some(Release::Partition(&generation, ack_of(&received[0])));
        for _ in 0..2 {
            queues
                .bury(&stock.service, "x-1", &first, release())
                .await
                .unwrap();
        }
        let release = Some(Release::Shared(shared[0].ticket.clone()));
        queues
            .bury(&stock.service, "x-2", &second, release)
            .await
            .unwrap();
        let other: Arc<str> = "other".into();
        queues.bury(&other, "x-1", &first, None).await.unwrap();
        let letters = queues.letters(&stock.service, 0, 10).await.unwrap();
        let found: Vec<_> = letters
            .iter()
            .map(|it| (**it.letter.as_ref().unwrap()).clone())
            .collect();
        assert_eq!(found, [first, second]);
        let page = queues.letters(&stock.service, 0, 1).await.unwrap();
        assert_eq!(page.len(), 1);
        let page = queues
            .letters(&stock.service, page[0].number, 10)
            .await
            .unwrap();
        assert_eq!(page[0].number, letters[1].number);
        assert_eq!(page.len(), 1);
        let of_other = queues.letters(&other, 0, 10).await.unwrap();
        assert!(
            !queues
                .discard(&stock.service, of_other[0].number)
                .await
                .unwrap()
        );
        assert!(!queues.discard(&stock.service, 0).await.unwrap());
        assert!(!queues.discard(&stock.service, 99).await.unwrap());
        assert!(
            queues
                .discard(&stock.service, letters[0].number)
                .await
                .unwrap()
        );
        assert!(
            !queues
                .discard(&stock.service, letters[0].number)
                .await
                .unwrap()
        );
        let left = queues.letters(&stock.service, 0, 10).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(queues.letters(&other, 0, 10).await.unwrap().len(), 1);
        assert_eq!(queues.oldest(&stock.service, 0).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_what_was_found() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("ce-type", "Placed");
        headers.insert("tenant", "acme");
        let subject = format!("{}.q.shop.p.1", stock.namespace);
        stock
            .server
            .publish_with_headers(subject, headers, "{".into())
            .await
            .unwrap();
        let mut opened = stock.open("n-1-1", &[1]).await;
        let received = take(&mut opened.intake, 1).await;
        let malformed = received[0].entry.as_ref().unwrap_err();
        assert!(malformed.error.contains("`ce-id`"), "{}", malformed.error);
        let expected = Headers::from_iter([("ce-type", "Placed"), ("tenant", "acme")]);
        assert_eq!(malformed.headers, expected);
        assert_eq!(malformed.payload, "{");
    }
}

#[tokio::test]
async fn others_can_listen_to_events() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let mut seen = stock
            .server
            .subscribe(format!("{}.ev.>", stock.namespace))
            .await
            .unwrap();
        let _ = stock.server.request("nobody", "".into()).await.unwrap_err();
        let event = entry("{}");
        for (topic, subject) in [
            (None, "Placed"),
            (Some("orders.eu.placed"), "orders.eu.placed"),
            (Some("orders.* >.placed"), "orders.%2A%20%3E.placed"),
        ] {
            stock.queues().tap(topic, &event).await.unwrap();
            let message = timeout(PATIENCE, seen.next()).await.unwrap().unwrap();
            assert_eq!(
                &*message.subject,
                format!("{}.ev.{subject}", stock.namespace)
            );
            assert_eq!(message.payload, "{}");
            let headers = message.headers.unwrap();
            assert_eq!(headers.get("ce-id").unwrap().as_str(), event.id.to_string());
        }
    }
}
