use std::ops::{Deref, DerefMut};
use std::path::Path;

use super::process::free_port;
use super::server::Server;

/// With `JetStream`, which keeps its files in the server's folder.
const JETSTREAM: &str = "jetstream {}\n";

/// A `nats-server` of its own: at a free port, with a folder, ended with the test.
#[derive(Debug)]
pub struct NatsServer(Server);

impl NatsServer {
    /// Starts a server of this version, as in `2.11`, with `JetStream`.
    ///
    /// # Panics
    ///
    /// If it is not there or does not answer.
    #[must_use]
    pub fn start(version: &str) -> Self {
        Self::with(version, JETSTREAM)
    }

    /// The same without `JetStream`.
    ///
    /// # Panics
    ///
    /// If it is not there or does not answer.
    #[must_use]
    pub fn without_jetstream(version: &str) -> Self {
        Self::configured(version, "")
    }

    /// With `JetStream` and what this adds to its configuration.
    ///
    /// # Panics
    ///
    /// If it is not there or does not answer.
    #[must_use]
    pub fn with(version: &str, more: &str) -> Self {
        Self::configured(version, &format!("{JETSTREAM}{more}"))
    }

    fn configured(version: &str, configuration: &str) -> Self {
        Self(Server::start("nats", version, |folder, port| {
            let file = folder.join("configuration");
            std::fs::write(&file, configuration).unwrap();
            let path = |path: &Path| path.to_str().unwrap().to_owned();
            let arguments = [
                ["--addr".to_owned(), "127.0.0.1".to_owned()],
                ["--port".to_owned(), port.to_string()],
                ["--store_dir".to_owned(), path(folder)],
                ["--config".to_owned(), path(&file)],
            ];
            arguments.concat()
        }))
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }
}

impl Deref for NatsServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for NatsServer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.0
    }
}

/// Three servers that are one cluster.
///
/// # Panics
///
/// If one is not there or does not answer.
#[must_use]
pub fn cluster(version: &str) -> [NatsServer; 3] {
    let ports = [(); 3].map(|()| free_port());
    let routes = ports.map(|port| format!("nats://127.0.0.1:{port}"));
    ports.map(|port| {
        let cluster = format!(
            "server_name: s{port}\ncluster {{ name: test, listen: \"127.0.0.1:{port}\", routes: [{}] }}\n",
            routes.join(", ")
        );
        NatsServer::with(version, &cluster)
    })
}
