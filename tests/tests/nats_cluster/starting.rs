//! A node starts, or says in one error why it does not.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use catga::Node;
use catga::node::{Broker, StartError};
use catga::transport::{Nats, NatsStorage, Transport as _};
use catga_tests::servers::nats::NatsServer;
use catga_tests::texts;

use crate::site::{each_server, fresh_namespace};

async fn start(broker: impl Into<Broker>) -> Result<Node, StartError> {
    let node = Node::builder("shop").broker(broker).only(|_| false);
    node.start().await
}

/// The whole text of the error.
async fn refusal(broker: impl Into<Broker>) -> String {
    let error = start(broker).await.unwrap_err();
    texts(&error).join(": ")
}

async fn starts(broker: impl Into<Broker>) {
    let node = start(broker).await.unwrap();
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_old_server_is_refused() {
    let server = NatsServer::start("2.10");
    let text = refusal(server.url()).await;
    let url = server.url();
    assert_eq!(
        text,
        format!(
            "the broker could not be used: the server at {url} is nats-server 2.10.26: catga needs 2.11 or later; run a newer server"
        )
    );
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused() {
    for version in ["2.11", "2.15"] {
        let server = NatsServer::without_jetstream(version);
        let text = refusal(server.url()).await;
        let expected = format!("the server at {} has no JetStream", server.url());
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains("`--jetstream`"), "{text}");
    }
}

#[tokio::test]
async fn an_account_without_jetstream_is_refused() {
    let accounts = "accounts { ON { jetstream: enabled, users: [{ user: a, password: a }] }, OFF { users: [{ user: b, password: b }] } }\n";
    let server = NatsServer::with("2.15", accounts);
    let url = |user: &str| format!("nats://{user}:{user}@127.0.0.1:{}", server.port());
    starts(url("a")).await;
    let text = refusal(url("b")).await;
    assert!(text.contains("JetStream"), "{text}");
    assert!(
        text.contains(&format!("nats://…@127.0.0.1:{}", server.port())),
        "{text}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_soon_and_without_the_password() {
    let started = Instant::now();
    let text = refusal("nats://me:secret@127.0.0.1:1").await;
    assert!(
        text.starts_with(
            "the broker could not be used: no connection to NATS at nats://…@127.0.0.1:1: "
        ),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(2));
    // One that takes the connection and says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let started = Instant::now();
    let text = refusal(format!("nats://127.0.0.1:{port}")).await;
    assert!(
        text.contains("no connection to NATS at nats://127.0.0.1"),
        "{text}"
    );
    assert!(started.elapsed() < Duration::from_secs(7));
}

#[tokio::test]
async fn what_cannot_be_used_is_told() {
    for (broker, expected) in [
        (Nats::url("nats://host:notaport"), "the URL cannot be read"),
        (Nats::url("ws://127.0.0.1:1"), "use `nats://` or `tls://`"),
        (
            Nats::url("nats://127.0.0.1:1").credentials_file("/nowhere/at.all"),
            "no credentials in /nowhere/at.all",
        ),
        (
            Nats::url("nats://127.0.0.1:1").namespace("a.b"),
            "`a.b` is no name",
        ),
    ] {
        let text = refusal(broker).await;
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn nodes_sign_in_in_every_way() {
    let server = NatsServer::with("2.15", "authorization { user: me, password: \"p@ss\" }\n");
    let at = format!("127.0.0.1:{}", server.port());
    let url = format!("nats://{at}");
    starts(format!("nats://me:p%40ss@{at}")).await;
    starts(Nats::url(&url).user_and_password("me", "p@ss")).await;
    for wrong in [format!("nats://me:other@{at}"), url] {
        let text = refusal(wrong).await;
        assert!(text.contains("authorization violation"), "{text}");
    }
    let server = NatsServer::with("2.15", "authorization { token: s3cret }\n");
    starts(format!("nats://s3cret@127.0.0.1:{}", server.port())).await;
    starts(Nats::url(&server.url()).token("s3cret")).await;
    // The pair of keys in the documentation of NATS.
    let public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    let nkey = format!("authorization {{ users: [{{ nkey: {public} }}] }}\n");
    let server = NatsServer::with("2.15", &nkey);
    starts(Nats::url(&server.url()).nkey(seed)).await;
    let text = refusal(Nats::url(&server.url()).nkey("SUA")).await;
    assert!(text.contains("failed signing nonce"), "{text}");
}

#[tokio::test]
async fn a_client_that_was_made_elsewhere_is_used() {
    let [server, _] = each_server();
    let client = async_nats::connect(server.url()).await.unwrap();
    let nats = Nats::from(client.clone()).namespace(&fresh_namespace());
    starts(nats.clone()).await;
    let text = refusal(nats.token("s3cret")).await;
    assert!(text.contains("has signed in already"), "{text}");
}

#[tokio::test]
async fn one_of_several_servers_is_enough() {
    let [server, _] = each_server();
    let urls = format!("nats://127.0.0.1:1,{}", server.url());
    starts(Nats::url(&urls).namespace(&fresh_namespace())).await;
}

#[tokio::test]
async fn what_is_there_with_other_settings_is_refused_and_not_changed() {
    for server in each_server() {
        let nats = Nats::url(&server.url()).namespace(&fresh_namespace());
        let memory = nats.clone().storage(NatsStorage::Memory);
        starts(memory.clone()).await;
        let text = refusal(nats.clone()).await;
        assert!(
            text.contains("`storage` is \"memory\" and should be \"file\""),
            "{text}"
        );
        assert!(text.contains("`nats stream edit KV_test-"), "{text}");
        starts(memory).await;
        let alone = nats.namespace(&fresh_namespace()).replicas(3);
        let text = refusal(alone).await;
        assert!(text.contains("replicas > 1 not supported"), "{text}");
    }
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_bucket() {
    for server in each_server() {
        let namespace = fresh_namespace();
        let starting: Vec<_> = (0..16)
            .map(|_| {
                let nats = Nats::url(&server.url()).namespace(&namespace);
                tokio::spawn(async move {
                    nats.connect().await.unwrap();
                    nats.records().identity().await.unwrap()
                })
            })
            .collect();
        let mut identities = Vec::new();
        for started in starting {
            identities.push(started.await.unwrap());
        }
        identities.dedup();
        assert_eq!(identities.len(), 1, "{identities:?}");
    }
}
