use super::*;
use crate::site::each_server;
use catga_tests::servers::proxy::{Flow, Proxy};

#[tokio::test]
async fn after_the_server_was_killed_a_new_generation_has_exactly_the_rest() {
    for version in ["2.11", "2.15"] {
        let mut server = NatsServer::start(version);
        let stock = Stock::on(&server).await;
        let all: Vec<_> = (0..500).map(|n| n.to_string()).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        stock.store(0, 1, &all).await;
        let mut opened = stock.open("n-1-1", &[0]).await;
        let received = take(&mut opened.intake, 300).await;
        let (handled, _) = received.split_at(200);
        stock
            .ack("n-1-1", &handled.iter().collect::<Vec<_>>())
            .await;
        // Acknowledgements are on their way until this.
        let oldest = async || stock.queues().oldest(&stock.service, 0).await.unwrap();
        while oldest().await != Some(201) {}
        server.process().kill();
        ends(&mut opened.intake).await;
        server.restart();
        let generation = stock.generation("n-1-2");
        let mut opened = loop {
            match stock.queues().open(&generation, &[0]).await {
                Ok(opened) => break opened,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        let rest = take(&mut opened.intake, 300).await;
        assert_eq!(texts(&rest), all[200..]);
        let [(0, received)] = opened.received[..] else {
            panic!("{:?}", opened.received);
        };
        assert!(received <= 500, "{received}");
        stock.store(0, 501, &["more"]).await;
        assert_eq!(texts(&take(&mut opened.intake, 1).await), ["more"]);
    }
}

#[tokio::test]
async fn a_cut_connection_ends_the_intake_and_the_next_one_goes_on() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let proxy = Proxy::to(server.port()).await;
        let url = format!("nats://127.0.0.1:{}", proxy.port());
        let nats = Nats::url(&url).namespace(&stock.namespace);
        stock.store(0, 1, &["a1", "a2"]).await;
        let generation = stock.generation("n-1-1");
        let mut opened = nats.queues().open(&generation, &[0]).await.unwrap();
        take(&mut opened.intake, 2).await;
        proxy.cut();
        ends(&mut opened.intake).await;
        let generation = stock.generation("n-1-2");
        let mut opened = nats.queues().open(&generation, &[0]).await.unwrap();
        assert_eq!(opened.received, [(0, 2)]);
        assert_eq!(texts(&take(&mut opened.intake, 2).await), ["a1", "a2"]);
        // A server that says nothing, on a connection that nobody watches.
        let client = async_nats::connect(&url).await.unwrap();
        let nats = Nats::from(client).namespace(&stock.namespace);
        let generation = stock.generation("n-1-3");
        let mut opened = nats.queues().open(&generation, &[0]).await.unwrap();
        take(&mut opened.intake, 2).await;
        proxy.set(Flow::Held);
        ends(&mut opened.intake).await;
    }
}
