//! Commands to whichever server has their keys.
//!
//! What was sent to one that has not got the key any more was not done: it goes to the one that
//! has. Whatever else failed is for the caller to repeat.

use futures_util::FutureExt as _;
use futures_util::future::Fuse;
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, ServerErrorKind};

use super::call::Call;
use super::directory::{Directory, Spot};
use super::error::Trouble;
use super::primary::{AnswerTimer, Request};
use super::separate::Connection;
use super::server::Server;
use crate::transport::BoxFuture;

/// How often one command follows its key.
const MOVES: usize = 5;

/// Commands of any number of callers.
#[derive(Debug)]
pub(super) struct Commands {
    directory: Directory,
    /// A key of what the whole namespace shares.
    home: String,
}

/// A connection to the server that has a key.
pub(super) struct Separate {
    pub(super) connection: Connection,
    /// Ends when that server is known not to have the key any more.
    pub(super) leaves: Fuse<BoxFuture<'static, ()>>,
}

impl Commands {
    pub(super) fn new(servers: &[Server], home: String) -> Self {
        Self {
            directory: Directory::new(servers),
            home,
        }
    }

    /// Sends one command, which has this key.
    pub(super) async fn command<T: FromRedisValue>(
        &self,
        key: &str,
        command: &Cmd,
    ) -> Result<T, Trouble> {
        self.follow(key, Request::Command(command)).await
    }

    /// Runs a script.
    pub(super) async fn call<T: FromRedisValue>(&self, call: &Call) -> Result<T, Trouble> {
        self.follow(call.key(), Request::Call(call)).await
    }

    /// Sends commands that only read, all with this key, together; an answer for each.
    pub(super) async fn pipeline<T: FromRedisValue>(
        &self,
        key: &str,
        commands: &Pipeline,
    ) -> Result<T, Trouble> {
        self.follow(key, Request::Pipeline(commands)).await
    }

    /// Sends one command without a key to this server.
    pub(super) async fn command_to<T: FromRedisValue>(
        &self,
        spot: &Spot,
        command: &Cmd,
    ) -> Result<T, Trouble> {
        self.send(spot, Request::Command(command)).await
    }

    /// A connection of the caller's own, for commands with this key that block: answers may take
    /// any time.
    pub(super) async fn separate(&self, key: &str) -> Result<Separate, Trouble> {
        let spot = self.directory.spot(key).await?;
        let connection = spot.primary.separate().await;
        Ok(Separate {
            connection: connection.inspect_err(|_| self.failed(&spot))?,
            leaves: self.leaves(key, &spot),
        })
    }

    /// The server of what the whole namespace shares. Channels are there, too: in a cluster each
    /// server has all of them, but counts only its own listeners.
    pub(super) async fn home(&self) -> Result<Spot, Trouble> {
        self.directory.spot(&self.home).await
    }

    /// Ends when this server is known not to be that any more.
    pub(super) fn leaves_home(&self, spot: &Spot) -> Fuse<BoxFuture<'static, ()>> {
        self.leaves(&self.home, spot)
    }

    /// All servers that have keys.
    pub(super) async fn all(&self) -> Result<Vec<Spot>, Trouble> {
        self.directory.spots().await
    }

    /// A connection to this server broke: the next command makes a new one. What is on its way is
    /// still answered by the old.
    pub(super) fn broke(&self, spot: &Spot) {
        spot.primary.renew();
        self.failed(spot);
    }

    /// A connection to this server could not be made.
    pub(super) fn failed(&self, spot: &Spot) {
        self.directory.failed(spot);
    }

    fn leaves(&self, key: &str, spot: &Spot) -> Fuse<BoxFuture<'static, ()>> {
        let leaves: BoxFuture<'static, ()> = Box::pin(self.directory.leaves(key, &spot.primary));
        leaves.fuse()
    }

    async fn follow<T: FromRedisValue>(
        &self,
        key: &str,
        request: Request<'_>,
    ) -> Result<T, Trouble> {
        for _ in 0..MOVES {
            let spot = self.directory.spot(key).await?;
            match self.send(&spot, request).await {
                Err(Trouble::Refused(error)) if is(&error, ServerErrorKind::Moved) => {}
                answered => return answered,
            }
        }
        let spot = self.directory.spot(key).await?;
        self.send(&spot, request).await
    }

    async fn send<T: FromRedisValue>(
        &self,
        spot: &Spot,
        request: Request<'_>,
    ) -> Result<T, Trouble> {
        let mut sent = Sent {
            directory: &self.directory,
            spot,
            waiting: AnswerTimer::new(),
        };
        let answered = spot.primary.send(request).await;
        sent.waiting.answered();
        match &answered {
            Err(Trouble::Refused(error)) if is(error, ServerErrorKind::Moved) => {
                self.directory.moved(spot);
            }
            // Its keys are on their way, it is cut off from the cluster, or not the master any more.
            Err(Trouble::Refused(error))
                if error.is_cluster_error() || is(error, ServerErrorKind::ReadOnly) =>
            {
                self.directory.failed(spot);
            }
            Err(Trouble::Away { .. } | Trouble::Lost(_)) => self.directory.failed(spot),
            Ok(_) | Err(Trouble::Refused(_)) => {}
        }
        answered
    }
}

fn is(error: &redis::RedisError, kind: ServerErrorKind) -> bool {
    error.kind() == ErrorKind::Server(kind)
}

/// A command on its way.
struct Sent<'a> {
    directory: &'a Directory,
    spot: &'a Spot,
    waiting: AnswerTimer,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        // Another server may have the key by now.
        if self.waiting.was_long() {
            self.directory.failed(self.spot);
        }
    }
}
