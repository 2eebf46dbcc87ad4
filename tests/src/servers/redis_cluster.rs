use std::time::{Duration, Instant};

use redis::{Cmd, Connection, FromRedisValue};

use super::process::free_port;
use super::redis::RedisServer;

/// How long servers may take to agree.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many primaries there are in the beginning.
const PRIMARIES: usize = 3;

/// A Redis Cluster of its own: three primaries that share the slots, ended with the test.
#[derive(Debug)]
pub struct RedisCluster {
    version: String,
    settings: Vec<[String; 2]>,
    servers: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    server: RedisServer,
    /// Where the others speak to it.
    bus: u16,
}

impl RedisCluster {
    /// Starts servers of this version, and waits until they agree.
    ///
    /// # Panics
    ///
    /// If they do not.
    #[must_use]
    pub fn start(version: &str) -> Self {
        Self::with(version, &[])
    }

    /// The same with settings, as for [`RedisServer::with`].
    ///
    /// # Panics
    ///
    /// If they do not.
    #[must_use]
    pub fn with(version: &str, settings: &[[&str; 2]]) -> Self {
        let mut cluster = Self {
            version: version.to_owned(),
            settings: settings
                .iter()
                .map(|pair| pair.map(str::to_owned))
                .collect(),
            servers: Vec::new(),
        };
        for at in 0..PRIMARIES {
            cluster.add();
            let slots = [at, at + 1].map(|at| at * 16_384 / PRIMARIES);
            let mut epoch = redis::cmd("CLUSTER");
            epoch.arg("SET-CONFIG-EPOCH").arg(at + 1);
            let () = cluster.tell(at, &epoch);
            let mut add = redis::cmd("CLUSTER");
            add.arg("ADDSLOTSRANGE").arg(slots[0]).arg(slots[1] - 1);
            let () = cluster.tell(at, &add);
            cluster.meet(at);
        }
        cluster.agree();
        cluster
    }

    /// Starts a replica of a server, waits until it has everything, and tells its place among the
    /// servers.
    ///
    /// # Panics
    ///
    /// If it does not get there.
    pub fn add_replica(&mut self, of: usize) -> usize {
        let at = self.add();
        self.meet(at);
        self.agree();
        let mut replicate = redis::cmd("CLUSTER");
        replicate.arg("REPLICATE").arg(self.id(of));
        // Until it has heard of that server.
        self.until("it is a replica", |cluster| {
            let told: redis::RedisResult<()> = replicate.query(&mut cluster.connection(at));
            told.is_ok()
        });
        self.until("the replica follows", |cluster| {
            cluster.info(at).contains("master_link_status:up")
        });
        self.agree();
        at
    }

    /// The URL of one of the servers.
    #[must_use]
    pub fn url(&self, at: usize) -> String {
        self.servers[at].server.url()
    }

    /// One of the servers.
    pub fn server(&mut self, at: usize) -> &mut RedisServer {
        &mut self.servers[at].server
    }

    /// Which server has a key.
    ///
    /// # Panics
    ///
    /// If none has.
    #[must_use]
    pub fn holder(&self, key: &str) -> usize {
        let has = |at: &usize| {
            let mut exists = redis::cmd("EXISTS");
            let answer: redis::RedisResult<u32> = exists.arg(key).query(&mut self.connection(*at));
            answer.is_ok()
        };
        (0..self.servers.len()).find(has).expect("nobody has it")
    }

    /// Moves the slot of a key to another server, key by key, as an operator does.
    ///
    /// # Panics
    ///
    /// If that is refused.
    pub fn move_slot(&self, key: &str, to: usize) {
        let from = self.holder(key);
        let slot: u32 = self.tell(from, redis::cmd("CLUSTER").arg("KEYSLOT").arg(key));
        let ids = [from, to].map(|at| self.id(at));
        let set = |at: usize, what: &str, id: &str| {
            let mut set = redis::cmd("CLUSTER");
            set.arg("SETSLOT").arg(slot).arg(what).arg(id);
            let () = self.tell(at, &set);
        };
        set(to, "IMPORTING", &ids[0]);
        set(from, "MIGRATING", &ids[1]);
        loop {
            let mut keys = redis::cmd("CLUSTER");
            keys.arg("GETKEYSINSLOT").arg(slot).arg(10);
            let keys: Vec<String> = self.tell(from, &keys);
            if keys.is_empty() {
                break;
            }
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(self.servers[to].server.port());
            migrate.arg("").arg(0).arg(5_000).arg("KEYS").arg(keys);
            let _: String = self.tell(from, &migrate);
        }
        for at in [to, from].into_iter().chain(0..self.servers.len()) {
            set(at, "NODE", &ids[1]);
        }
    }

    /// Makes a replica the primary; nothing that was written before is lost.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    pub fn fail_over(&self, replica: usize) {
        let () = self.tell(replica, redis::cmd("CLUSTER").arg("FAILOVER"));
        self.until("it is the primary", |cluster| {
            cluster.info(replica).contains("role:master")
        });
    }

    /// What a server says of its replication.
    #[must_use]
    pub fn info(&self, at: usize) -> String {
        self.tell(at, redis::cmd("INFO").arg("replication"))
    }

    fn add(&mut self) -> usize {
        let bus = free_port();
        let port = bus.to_string();
        let mut settings = vec![["cluster-enabled", "yes"], ["cluster-port", &port]];
        let given = self.settings.iter();
        settings.extend(given.map(|[name, value]| [name.as_str(), value.as_str()]));
        let server = RedisServer::with(&self.version, &settings);
        self.servers.push(Member { server, bus });
        self.servers.len() - 1
    }

    fn meet(&self, at: usize) {
        let member = &self.servers[at];
        let mut meet = redis::cmd("CLUSTER");
        meet.arg("MEET").arg("127.0.0.1");
        meet.arg(member.server.port()).arg(member.bus);
        let () = self.tell(0, &meet);
    }

    /// Waits until each server knows all of them and that all slots are served.
    fn agree(&self) {
        let known = format!("cluster_known_nodes:{}\r", self.servers.len());
        self.until("they agree", |cluster| {
            (0..cluster.servers.len()).all(|at| {
                let info: String = cluster.tell(at, redis::cmd("CLUSTER").arg("INFO"));
                info.contains("cluster_state:ok") && info.contains(&known)
            })
        });
    }

    fn id(&self, at: usize) -> String {
        self.tell(at, redis::cmd("CLUSTER").arg("MYID"))
    }

    fn tell<T: FromRedisValue>(&self, at: usize, command: &Cmd) -> T {
        command.query(&mut self.connection(at)).unwrap()
    }

    fn connection(&self, at: usize) -> Connection {
        let client = redis::Client::open(self.url(at)).unwrap();
        client.get_connection().unwrap()
    }

    fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is(self) {
            assert!(started.elapsed() < PATIENCE, "not so: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
