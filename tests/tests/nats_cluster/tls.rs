//! Encrypted connections.

use std::path::Path;
use std::process::Command;

use catga::Node;
use catga::node::StartError;
use catga::transport::Nats;
use catga_tests::servers::nats::NatsServer;
use catga_tests::servers::process::Folder;
use catga_tests::texts;

/// A certificate for `localhost` that signs itself, made by the `openssl` command.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .expect("no `openssl`: install it");
    assert!(made.status.success(), "{made:?}");
}

async fn start(nats: Nats) -> Result<(), StartError> {
    let node = Node::builder("shop").broker(nats).only(|_| false);
    node.start().await?.shutdown().await.unwrap();
    Ok(())
}

async fn refusal(nats: Nats) -> String {
    texts(&start(nats).await.unwrap_err()).join(": ")
}

#[tokio::test]
async fn a_server_with_tls() {
    let folder = Folder::new("tls");
    certificate(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let tls = format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\" }}\n");
    let server = NatsServer::with("2.15", &tls);
    for scheme in ["tls", "nats"] {
        let nats = Nats::url(&format!("{scheme}://localhost:{}", server.port()));
        let text = refusal(nats.clone()).await;
        assert!(text.contains("invalid peer certificate"), "{text}");
        start(nats.root_certificates(&certificate)).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate() {
    let folder = Folder::new("tls");
    certificate(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let tls = format!(
        "tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{certificate}\", verify: true }}\n"
    );
    let server = NatsServer::with("2.15", &tls);
    let nats = Nats::url(&format!("tls://localhost:{}", server.port()));
    let nats = nats.root_certificates(&certificate);
    let text = refusal(nats.clone()).await;
    assert!(text.contains("no connection to NATS"), "{text}");
    start(nats.client_certificate(&certificate, &key))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let server = NatsServer::start("2.15");
    let nats = Nats::url(&format!("nats://localhost:{}", server.port()));
    start(nats.clone()).await.unwrap();
    let text = refusal(nats.require_tls()).await;
    assert!(text.contains("no connection to NATS"), "{text}");
}
