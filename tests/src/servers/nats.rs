use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::process::{Folder, Process, free_port};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// With `JetStream`, which keeps its files in the server's folder.
const JETSTREAM: &str = "jetstream {}\n";

/// A `nats-server` of its own: at a free port, with a folder, ended with the test.
#[derive(Debug)]
pub struct NatsServer {
    program: PathBuf,
    arguments: Vec<String>,
    folder: Folder,
    port: u16,
    process: Process,
}

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
        let program = program(version);
        let folder = Folder::new(&format!("nats-{version}"));
        let port = free_port();
        let file = folder.path().join("configuration");
        std::fs::write(&file, configuration).unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let arguments = [
            ["--addr".to_owned(), "127.0.0.1".to_owned()],
            ["--port".to_owned(), port.to_string()],
            ["--store_dir".to_owned(), path(folder.path())],
            ["--config".to_owned(), path(&file)],
        ];
        let arguments = arguments.concat();
        let process = Process::start(&program, &arguments, &folder);
        let mut server = Self {
            program,
            arguments,
            folder,
            port,
            process,
        };
        server.wait();
        server
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder, where what its configuration names may lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process, to kill it or to make it wait.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts it again at the same port with the same folder, after it ended.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub fn restart(&mut self) {
        self.process = Process::start(&self.program, &self.arguments, &self.folder);
        self.wait();
    }

    fn wait(&mut self) {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let log = || std::fs::read_to_string(self.folder.log()).unwrap_or_default();
            assert!(!self.process.has_ended(), "it ended:\n{}", log());
            assert!(started.elapsed() < PATIENCE, "no answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
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

/// The server as `tests/servers-nats` fetches it.
fn program(version: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let program = root
        .join(target)
        .join(format!("servers/nats-{version}/nats-server"));
    assert!(
        program.exists(),
        "no nats-server {version}: run `tests/servers-nats`, which fetches it"
    );
    program
}
