use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::process::{Folder, Process, free_port};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server of its own: at a free port, with a folder, ended with the test.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    folder: Folder,
    port: u16,
    process: Process,
}

impl Server {
    /// Starts the server of a broker, `nats` or `redis`, and waits until it answers.
    pub(super) fn start(
        broker: &str,
        version: &str,
        arguments: impl FnOnce(&Path, u16) -> Vec<String>,
    ) -> Self {
        let program = program(broker, version);
        let folder = Folder::new(&format!("{broker}-{version}"));
        let port = free_port();
        let arguments = arguments(folder.path(), port);
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
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder, where what its configuration names may lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.log()).unwrap_or_default()
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
            assert!(!self.process.has_ended(), "it ended:\n{}", self.log());
            assert!(started.elapsed() < PATIENCE, "no answer:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The server as `tests/servers-nats` and `tests/servers-redis` fetch it.
fn program(broker: &str, version: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let program = root
        .join(target)
        .join(format!("servers/{broker}-{version}/{broker}-server"));
    assert!(
        program.exists(),
        "no {broker}-server {version}: run `tests/servers-{broker}`, which fetches it"
    );
    program
}
