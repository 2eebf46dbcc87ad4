//! The server that the cluster runs on.

use std::path::PathBuf;

use catga_tests::servers::nats::NatsServer;
use catga_tests::servers::process::Process;
use catga_tests::servers::redis::RedisServer;

use crate::arguments::Kind;

/// Whatever a broker says it has stored is there when it was killed: `appendfsync always` is for
/// that; what NATS has written survives the end of its process.
const REDIS: [[&str; 2]; 2] = [["appendonly", "yes"], ["appendfsync", "always"]];

#[derive(Debug)]
pub enum Broker {
    Nats(NatsServer),
    Redis(RedisServer),
}

impl Broker {
    pub fn start(kind: Kind, seed: u64) -> (Self, &'static str) {
        match (kind, seed % 2) {
            (Kind::Nats, 0) => (Self::Nats(NatsServer::start("2.15")), "nats-server 2.15"),
            (Kind::Nats, _) => (Self::Nats(NatsServer::start("2.11")), "nats-server 2.11"),
            (Kind::Redis, 0) => (Self::Redis(RedisServer::with("8.2", &REDIS)), "Redis 8.2"),
            (Kind::Redis, _) => (Self::Redis(RedisServer::with("7.0", &REDIS)), "Redis 7.0"),
        }
    }

    pub fn port(&self) -> u16 {
        match self {
            Self::Nats(server) => server.port(),
            Self::Redis(server) => server.port(),
        }
    }

    /// Its URL through another port.
    pub fn url(&self, port: u16) -> String {
        match self {
            Self::Nats(_) => format!("nats://127.0.0.1:{port}"),
            Self::Redis(_) => format!("redis://127.0.0.1:{port}"),
        }
    }

    pub fn process(&mut self) -> &mut Process {
        match self {
            Self::Nats(server) => server.process(),
            Self::Redis(server) => server.process(),
        }
    }

    pub fn restart(&mut self) {
        match self {
            Self::Nats(server) => server.restart(),
            Self::Redis(server) => server.restart(),
        }
    }

    pub fn log(&self) -> PathBuf {
        match self {
            Self::Nats(server) => server.folder().join("log"),
            Self::Redis(server) => server.socket().with_file_name("log"),
        }
    }
}
