use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::process::{Folder, Process, free_port};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A `redis-server` of its own: at a free port, with a folder, ended with the test.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    arguments: Vec<String>,
    folder: Folder,
    port: u16,
    process: Process,
}

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
        let program = program(version);
        let folder = Folder::new(&format!("redis-{version}"));
        let port = free_port();
        let socket = folder.path().join("socket");
        let own = [
            ["port", &port.to_string()],
            ["bind", "127.0.0.1"],
            ["unixsocket", socket.to_str().unwrap()],
            ["dir", folder.path().to_str().unwrap()],
            ["save", ""],
        ];
        let arguments: Vec<_> = own
            .iter()
            .chain(settings)
            .flat_map(|[name, values]| {
                let values = values.split(' ').map(str::to_owned);
                std::iter::once(format!("--{name}")).chain(values)
            })
            .collect();
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
        format!("redis://127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
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

/// The server as `tests/servers-redis` fetches it.
fn program(version: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let program = root
        .join(target)
        .join(format!("servers/redis-{version}/redis-server"));
    assert!(
        program.exists(),
        "no Redis {version}: run `tests/servers-redis`, which fetches it"
    );
    program
}
