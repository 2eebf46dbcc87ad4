//! Connections of which each has one caller, for commands that block.

use std::time::Duration;

use bytes::BytesMut;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionAddr, RedisError, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::{self, Seen};
use super::error::Cause;
use super::primary::within;

/// A server that has said nothing for this long is not there any more.
const SILENCE: Duration = Duration::from_secs(15);

/// There is room for at least so much when a socket is read; twice as much is kept for the next
/// answer.
const CHUNK: usize = 64 << 10;

/// A connection for one command at a time, whose answer may take a while.
pub(super) enum Connection {
    /// What queues are read by brings more than everything else. To take it apart by the client
    /// takes several times as long, and there is nobody in between who has to be woken.
    Plain(Plain),
    /// With TLS.
    Client(MultiplexedConnection),
}

/// A socket, and what came of the next answer.
pub(super) struct Plain {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Connection {
    pub(super) async fn connect(client: &Client) -> Result<Self, RedisError> {
        let info = client.get_connection_info();
        let stream: Box<dyn Stream> = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
            _ => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(None)
                    .set_response_timeout(None);
                let connecting = client.get_multiplexed_async_connection_with_config(&config);
                return Ok(Self::Client(connecting.await?));
            }
        };
        let mut plain = Plain {
            stream,
            buffer: BytesMut::new(),
        };
        let settings = info.redis_settings();
        if let Some(password) = settings.password() {
            let mut auth = redis::cmd("AUTH");
            auth.arg(settings.username()).arg(password);
            plain.prepare(&auth).await?;
        }
        if settings.db() != 0 {
            let mut select = redis::cmd("SELECT");
            plain.prepare(select.arg(settings.db())).await?;
        }
        Ok(Self::Plain(plain))
    }

    /// The answer to a command. Nobody may ask again who did not wait for it.
    pub(super) async fn ask(&mut self, command: &Cmd) -> Result<Value, Cause> {
        match self {
            Self::Plain(plain) => plain.ask(command).await,
            Self::Client(connection) => within(SILENCE, command.query_async(connection)).await,
        }
    }
}

impl Plain {
    async fn prepare(&mut self, command: &Cmd) -> Result<(), RedisError> {
        match self.ask(command).await {
            Ok(_) => Ok(()),
            Err(Cause::Error(error)) => Err(error),
            Err(cause) => Err(std::io::Error::other(cause).into()),
        }
    }

    async fn ask(&mut self, command: &Cmd) -> Result<Value, Cause> {
        let packed = command.get_packed_command();
        within(SILENCE, async {
            self.stream
                .write_all(&packed)
                .await
                .map_err(RedisError::from)
        })
        .await?;
        let mut seen = Seen::new();
        let end = loop {
            if let Some(end) = seen.end(&self.buffer).map_err(Cause::Error)? {
                break end;
            }
            self.buffer.reserve(CHUNK);
            // For each of them anew: nobody may look at this for long, and then there is much.
            let read = self.stream.read_buf(&mut self.buffer);
            let read = within(SILENCE, async { read.await.map_err(RedisError::from) });
            if read.await? == 0 {
                return Err(Cause::Closed);
            }
        };
        let value = answer::value(&self.buffer[..end]);
        self.buffer.clear();
        if self.buffer.capacity() > 2 * CHUNK {
            self.buffer = BytesMut::new();
        }
        match value.map_err(Cause::Error)? {
            Value::ServerError(refused) => Err(Cause::Error(refused.into())),
            // In what comes of reads there are none.
            value => Ok(value),
        }
    }
}
