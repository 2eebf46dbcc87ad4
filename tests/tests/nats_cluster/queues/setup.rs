use super::*;
use crate::site::each_server;
use catga::transport::{Durability, NatsStorage};
use serde_json::json;

#[tokio::test]
async fn nodes_that_start_at_once_make_one_stream() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let making: Vec<_> = (0..16)
            .map(|_| {
                let nats = Nats::url(&server.url()).namespace(&namespace);
                tokio::spawn(async move {
                    nats.queues().provision(&"shop".into(), 32).await.unwrap();
                })
            })
            .collect();
        for made in making {
            made.await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_there_with_other_settings_is_refused_and_not_changed() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        let memory = stock.nats.clone().storage(NatsStorage::Memory);
        let refused = memory
            .queues()
            .provision(&stock.service, 4)
            .await
            .unwrap_err();
        let text = catga_tests::texts(&refused).join(": ");
        for part in [
            "the stream of the queues of `shop` is there with other settings",
            "`storage` is \"file\" and should be \"memory\"",
            &format!("`nats stream edit {}`", stock.stream()),
        ] {
            assert!(text.contains(part), "{text}");
        }
        let foreign = format!("{}_q_other", stock.namespace);
        let subjects = [format!("{}.q.other.>", stock.namespace)];
        let config = json!({ "name": foreign, "subjects": subjects });
        stock.api(&format!("STREAM.CREATE.{foreign}"), config).await;
        let refused = stock
            .queues()
            .provision(&"other".into(), 4)
            .await
            .unwrap_err();
        let text = catga_tests::texts(&refused).join(": ");
        assert!(
            text.contains("`retention` is \"limits\" and should be \"workqueue\""),
            "{text}"
        );
        stock.queues().provision(&stock.service, 4).await.unwrap();
    }
}

#[tokio::test]
async fn streams_are_as_they_are_documented() {
    for server in each_server() {
        let stock = Stock::on(server).await;
        stock
            .queues()
            .provision(&catga::transport::DOOR.into(), 1)
            .await
            .unwrap();
        let of = |name: &str| format!("{}{name}", stock.namespace);
        for (stream, subjects, retention) in [
            (
                of("_q_shop"),
                vec![of(".q.shop.p.*"), of(".q.shop.shared")],
                "workqueue",
            ),
            (of("_in"), vec![of(".in.>")], "workqueue"),
            (of("_dead"), vec![of(".dead.>")], "limits"),
        ] {
            let info = stock.api(&format!("STREAM.INFO.{stream}"), json!({})).await;
            let config = &info["config"];
            assert_eq!(config["subjects"], json!(subjects));
            assert_eq!(config["retention"], retention);
            assert_eq!(config["discard"], "new");
            assert_eq!(config["storage"], "file");
            assert_eq!(config["duplicate_window"], 120_000_000_000_u64);
            assert_eq!(config["max_age"].as_u64().unwrap_or_default(), 0);
        }
    }
}

#[tokio::test]
async fn it_tells_what_it_guarantees() {
    for (server, version) in each_server().into_iter().zip(["2.11.", "2.15."]) {
        let nats = Nats::url(&server.url()).namespace(&fresh_namespace());
        let told = nats.guarantees().await.unwrap();
        assert!(
            told.broker.starts_with(&format!("nats-server {version}")),
            "{told}"
        );
        assert_eq!(
            told.durability,
            Durability::Process(Duration::from_secs(120))
        );
        assert_eq!(told.replicas, 1);
        assert!(told.notes[0].contains("`sync_interval`"), "{told}");
        let told = nats
            .storage(NatsStorage::Memory)
            .guarantees()
            .await
            .unwrap();
        assert_eq!(told.durability, Durability::Memory);
    }
}
