//! The node processes, each with a way of its own to the broker.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catga_tests::servers::process::{Folder, Process};
use catga_tests::servers::proxy::Proxy;
use tokio::time::sleep;

use crate::broker::Broker;
use crate::journal::Journal;
use crate::process::Call;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Longer than a node waits for its handlers when it is asked to end, by far.
const PATIENCE: Duration = Duration::from_secs(15);

/// A node, through all its lives.
#[derive(Debug)]
pub struct Member {
    name: &'static str,
    life: u32,
    broker: String,
    sink: u16,
    process: Process,
    folder: Folder,
    journal: Arc<Journal>,
}

/// Starts all of them, and makes the way of each.
pub async fn start(
    broker: &Broker,
    sink: u16,
    journal: &Arc<Journal>,
) -> (Vec<Member>, Vec<Proxy>) {
    let (mut crew, mut lines) = (Vec::new(), Vec::new());
    for name in NAMES {
        let line = Proxy::to(broker.port()).await;
        let url = broker.url(line.port());
        crew.push(Member::start(name, url, sink, journal));
        lines.push(line);
    }
    (crew, lines)
}

impl Member {
    fn start(name: &'static str, broker: String, sink: u16, journal: &Arc<Journal>) -> Self {
        let folder = Folder::new(&format!("torture-{name}"));
        let process = spawn(&call(name, 1, &broker, sink), &folder);
        Self {
            name,
            life: 1,
            broker,
            sink,
            process,
            folder,
            journal: Arc::clone(journal),
        }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its name and the number of its life.
    pub fn title(&self) -> String {
        title(self.name, self.life)
    }

    pub fn log(&self) -> std::path::PathBuf {
        self.folder.log()
    }

    /// Starts it again, after it ended.
    pub fn restart(&mut self) {
        self.life += 1;
        let call = call(self.name, self.life, &self.broker, self.sink);
        self.process = spawn(&call, &self.folder);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.note("is killed");
        self.journal.harmed(self.title());
        self.process.kill();
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.note("is stopped");
        self.journal.harmed(self.title());
        self.process.pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.note("goes on");
        self.process.resume();
    }

    /// SIGTERM, and waits until it has ended; whether it did.
    pub async fn shut_down(&mut self) -> bool {
        self.note("is asked to end");
        self.process.ask_to_end();
        let asked = Instant::now();
        while !self.process.has_ended() {
            if asked.elapsed() > PATIENCE {
                self.note("does not end");
                self.process.kill();
                return false;
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.note("has ended");
        true
    }

    /// Whether it ended although nobody asked it to.
    pub fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// Waits until this life of it has started.
    pub async fn is_up(&self) -> bool {
        let asked = Instant::now();
        while !self.journal.is_up(&self.title()) {
            if asked.elapsed() > PATIENCE {
                return false;
            }
            sleep(Duration::from_millis(20)).await;
        }
        true
    }

    fn note(&self, what: &str) {
        self.journal.incident(format!("{} {what}", self.title()));
    }
}

fn title(name: &str, life: u32) -> String {
    format!("{name}#{life}")
}

fn call(name: &str, life: u32, broker: &str, sink: u16) -> Call {
    Call {
        process: title(name, life),
        broker: broker.to_owned(),
        sink,
    }
}

/// This program once more.
fn spawn(call: &Call, folder: &Folder) -> Process {
    let program = std::env::current_exe();
    let program = program.as_deref().unwrap_or(Path::new("/proc/self/exe"));
    Process::start(program, &call.arguments(), folder)
}
