//! Without the feature `tls` the client would panic when a server asks for an encrypted
//! connection, so such a server is found out before.

use std::time::Duration;

use async_nats::ServerAddr;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a server may take for its first line.
const FIRST_LINE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    tls_required: bool,
}

/// Whether one of the servers takes encrypted connections only. One that does not answer is left
/// to the client.
pub(super) async fn wants_tls(servers: &[ServerAddr]) -> bool {
    for server in servers {
        if let Ok(Some(info)) = timeout(FIRST_LINE, info(server)).await
            && info.tls_required
        {
            return true;
        }
    }
    false
}

async fn info(server: &ServerAddr) -> Option<Info> {
    let stream = TcpStream::connect((server.host(), server.port()))
        .await
        .ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::TcpListener;

    /// A server that says this first.
    fn server(first: &'static str) -> ServerAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                stream.unwrap().write_all(first.as_bytes()).unwrap();
            }
        });
        format!("nats://127.0.0.1:{port}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_server_that_wants_tls_is_found_out() {
        let wants = server("INFO {\"server_id\":\"x\",\"tls_required\":true}\r\n");
        let plain = server("INFO {\"server_id\":\"x\"}\r\n");
        let other = server("HTTP/1.1 400 Bad Request\r\n");
        let nobody: ServerAddr = "nats://127.0.0.1:1".parse().unwrap();
        assert!(!wants_tls(&[plain.clone(), other, nobody]).await);
        assert!(wants_tls(&[plain, wants.clone()]).await);
        let error = super::super::Nats::url(&format!("nats://127.0.0.1:{}", wants.port()));
        let error = crate::transport::Transport::connect(&error)
            .await
            .unwrap_err();
        let source = std::error::Error::source(&error).and_then(std::error::Error::source);
        assert_eq!(
            source.unwrap().to_string(),
            super::super::settings::NEEDS_TLS
        );
    }
}
