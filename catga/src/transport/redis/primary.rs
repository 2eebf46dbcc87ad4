//! One server, and the connection for commands to it: one for all, made when it is needed and
//! again after it broke.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError,
    ServerErrorKind,
};
use tokio::time::{Instant, timeout};

use super::call::Call;
use super::error::{Cause, Trouble};
use super::separate::Connection;
use super::server::Server;

/// How long a connection may take.
pub(super) const CONNECT: Duration = Duration::from_secs(3);

/// How long an answer may take. The client's own half a second is less than a server needs that
/// loads, forks or waits for its disk.
pub(super) const ANSWER: Duration = Duration::from_secs(3);

/// Commands that wait to be written; the client's own 50 are too few for many callers at once.
const BUFFER: usize = 1_024;

/// A server that takes writes: the only one, or one of a Redis Cluster. Nothing that blocks may be
/// sent over its shared connection.
#[derive(Debug)]
pub(super) struct Primary {
    /// What a Redis Cluster calls it; empty for a server that is in none.
    pub(super) id: Box<str>,
    pub(super) server: Server,
    current: Mutex<Option<Current>>,
    /// Held while a connection is made.
    connecting: tokio::sync::Mutex<()>,
    connections: AtomicU64,
}

#[derive(Debug, Clone)]
struct Current {
    number: u64,
    connection: MultiplexedConnection,
}

/// What is sent, over whatever connection.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    /// A script; one that the server has forgotten is loaded again.
    Call(&'a Call),
    /// Commands that only read, together; an answer for each.
    Pipeline(&'a Pipeline),
}

impl Primary {
    pub(super) fn new(id: &str, server: Server) -> Self {
        Self {
            id: id.into(),
            server,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            connections: AtomicU64::new(0),
        }
    }

    pub(super) async fn send<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, Trouble> {
        let mut used = self.take().await?;
        let connection = &mut used.current.connection;
        let answered = match request {
            Request::Command(command) => command.query_async(connection).await,
            Request::Call(call) => call.query(connection).await,
            Request::Pipeline(commands) => commands.query_async(connection).await,
        };
        used.done(answered)
    }

    /// A connection of the caller's own, for commands that block.
    pub(super) async fn separate(&self) -> Result<Connection, Trouble> {
        within(CONNECT, Connection::connect(self.client()?))
            .await
            .map_err(|cause| self.away(cause))
    }

    /// The next command makes a new connection. What is on its way is still answered by the old.
    pub(super) fn renew(&self) {
        *self.current() = None;
    }

    async fn take(&self) -> Result<Used<'_>, Trouble> {
        let current = match self.known() {
            Some(current) => current,
            // Rare, and kilobytes of state that no other command has to carry.
            None => Box::pin(self.connect()).await?,
        };
        Ok(Used {
            primary: self,
            current,
            waiting: AnswerTimer::new(),
        })
    }

    async fn connect(&self) -> Result<Current, Trouble> {
        let _turn = self.connecting.lock().await;
        // Somebody else may have made it meanwhile.
        if let Some(current) = self.known() {
            return Ok(current);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(Some(ANSWER))
            .set_pipeline_buffer_size(BUFFER);
        let connecting = self
            .client()?
            .get_multiplexed_async_connection_with_config(&config);
        let connection = within(CONNECT, connecting)
            .await
            .map_err(|cause| self.away(cause))?;
        let current = Current {
            number: self.connections.fetch_add(1, Ordering::Relaxed),
            connection,
        };
        *self.current() = Some(current.clone());
        Ok(current)
    }

    pub(super) fn client(&self) -> Result<&Client, Trouble> {
        let client = self.server.client.as_ref();
        client.map_err(|unusable| self.away(Cause::Unusable(unusable.clone())))
    }

    pub(super) fn away(&self, cause: Cause) -> Trouble {
        Trouble::Away {
            server: self.server.shown.clone(),
            cause,
        }
    }

    fn known(&self) -> Option<Current> {
        self.current().clone()
    }

    fn forget(&self, number: u64) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|now| now.number == number) {
            *current = None;
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the client with a limit.
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Cause> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(Cause::Error),
        Err(_) => Err(Cause::Silence(limit.as_secs())),
    }
}

/// Since when somebody waits for an answer; `None` once it is there.
///
/// Whoever gives up before says so by how long it was: a server that cannot be heard any more must
/// not hold up the next one, who has no more patience.
pub(super) struct AnswerTimer(Option<Instant>);

impl AnswerTimer {
    pub(super) fn new() -> Self {
        Self(Some(Instant::now()))
    }

    pub(super) const fn answered(&mut self) {
        self.0 = None;
    }

    pub(super) fn was_long(&self) -> bool {
        self.0.is_some_and(|since| since.elapsed() >= ANSWER / 4)
    }
}

/// A connection with a command on its way.
struct Used<'a> {
    primary: &'a Primary,
    current: Current,
    waiting: AnswerTimer,
}

impl Used<'_> {
    fn done<T>(&mut self, answered: Result<T, RedisError>) -> Result<T, Trouble> {
        self.waiting.answered();
        answered.map_err(|error| {
            // It was the master once; a new connection may reach the one that is now.
            let demoted = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
            let trouble = Trouble::sent(Cause::Error(error));
            if demoted || matches!(trouble, Trouble::Lost(_)) {
                self.primary.forget(self.current.number);
            }
            trouble
        })
    }
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        if self.waiting.was_long() {
            self.primary.forget(self.current.number);
        }
    }
}
