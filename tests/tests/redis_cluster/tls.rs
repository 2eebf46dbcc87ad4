//! Encrypted connections.

use std::path::Path;
use std::process::Command;

use catga::Node;
use catga::transport::Redis;
use catga_tests::servers::process::{Folder, free_port};
use catga_tests::servers::redis::RedisServer;
use catga_tests::texts;

/// A certificate for `localhost` that signs itself, made by the `openssl` command.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .expect("no `openssl`: install it");
    assert!(made.status.success(), "{made:?}");
}

#[tokio::test]
async fn a_server_with_tls() {
    let folder = Folder::new("tls");
    certificate(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = free_port().to_string();
    let _server = RedisServer::with(
        "7.0",
        &[
            ["tls-port", &port],
            ["tls-cert-file", &file("certificate.pem")],
            ["tls-key-file", &file("key.pem")],
            ["tls-ca-cert-file", &file("certificate.pem")],
            ["tls-auth-clients", "no"],
        ],
    );
    let url = format!("rediss://localhost:{port}");

    let stranger = Node::builder("shop").broker(url.as_str()).only(|_| false);
    let text = texts(&stranger.start().await.unwrap_err()).join(": ");
    assert!(text.contains("invalid peer certificate"), "{text}");

    let certificates = redis::TlsCertificates {
        client_tls: None,
        root_cert: Some(std::fs::read(file("certificate.pem")).unwrap()),
    };
    let client = redis::Client::build_with_tls(url, certificates).unwrap();
    let node = Node::builder("shop")
        .broker(Redis::client(&client))
        .only(|_| false);
    let node = node.start().await.unwrap();
    assert_eq!(node.members().len(), 1);
    node.shutdown().await.unwrap();
}
