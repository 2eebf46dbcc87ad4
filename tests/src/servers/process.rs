use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A child process that ends with this one, however that ends.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guard: Child,
}

impl Process {
    /// Starts a program that works in a folder; what it writes goes to a file in there.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(program: &Path, arguments: &[String], folder: &Folder) -> Self {
        let log = File::options().create(true).append(true).open(folder.log());
        let log = log.unwrap();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        // Its input ends with this process, also when that is killed or does not drop this value.
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -KILL \"$0\"; rm -r \"$1\""])
            .arg(child.id().to_string())
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, guard }
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Asks it to end, and waits until it has.
    pub fn end(&mut self) {
        self.dismiss();
        self.ask_to_end();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.dismiss();
        // It may have ended before.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}")).arg(self.id().to_string());
        assert!(kill.status().unwrap().success(), "{kill:?}");
    }

    /// The guard must not be there when the id belongs to another process.
    fn dismiss(&mut self) {
        let _ = self.guard.kill();
        self.guard.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// In there as much must be free, in KiB.
const ROOM: u64 = 4 << 20;

/// Where files lie in memory, if there is room. A server on a disk that others write to may say
/// nothing for seconds, which on a fast clock is longer than anybody waits.
fn memory() -> Option<PathBuf> {
    static MEMORY: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let memory = PathBuf::from("/dev/shm");
        let told = Command::new("df").arg("-Pk").arg(&memory).output().ok()?;
        let told = String::from_utf8(told.stdout).ok()?;
        let free: u64 = told
            .lines()
            .nth(1)?
            .split_whitespace()
            .nth(3)?
            .parse()
            .ok()?;
        (free >= ROOM).then_some(memory)
    });
    MEMORY.clone()
}

/// A folder of its own for a server, removed in the end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// # Panics
    ///
    /// If it cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("catga-{name}-{}-{count}", std::process::id());
        let folder = memory().unwrap_or_else(std::env::temp_dir).join(folder);
        // What another process of this id left behind.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What the server wrote.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that nobody listens at, now.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
