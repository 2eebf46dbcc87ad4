use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};

use super::server::Server;

/// A `redis-server` of its own: at a free port, with a folder, ended with the test.
#[derive(Debug)]
pub struct RedisServer(Server);

impl RedisServer {
    /// Starts a server of this version, as in `7.0`. Without settings of its own it keeps nothing
    /// on disk.
    ///
    /// # Panics
    ///
    /// If it is not there or does not answer.
    #[must_use]
    pub fn start(version: &str) -> Self {
        Self::with(version, &[])
    }

    /// The same with settings, as in `["appendonly", "yes"]`; several values of one are parted by spaces.
    ///
    /// # Panics
    ///
    /// If it is not there or does not answer.
    #[must_use]
    pub fn with(version: &str, settings: &[[&str; 2]]) -> Self {
        Self(Server::start("redis", version, |folder, port| {
            let socket = folder.join("socket");
            let own = [
                ["port", &port.to_string()],
                ["bind", "127.0.0.1"],
                ["unixsocket", socket.to_str().unwrap()],
                ["dir", folder.to_str().unwrap()],
                ["save", ""],
            ];
            own.iter()
                .chain(settings)
                .flat_map(|[name, values]| {
                    let values = values.split(' ').map(str::to_owned);
                    std::iter::once(format!("--{name}")).chain(values)
                })
                .collect()
        }))
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder().join("socket")
    }
}

impl Deref for RedisServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for RedisServer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.0
    }
}

/// A connection past the transport, whose answers may take any time: a busy machine needs more than
/// the client's own half a second, and on a fast clock that is over sooner.
///
/// # Panics
///
/// If there is none.
pub async fn connection(client: &Client) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    connecting.await.unwrap()
}
