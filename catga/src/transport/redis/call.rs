use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, Script, ServerErrorKind, ToRedisArgs};

/// A call of a script, as it is sent.
pub(super) struct Call {
    key: String,
    script: &'static Script,
    command: Cmd,
}

impl Call {
    /// A call with these keys, all of one slot. Arguments follow.
    pub(super) fn new(script: &'static Script, keys: &[String]) -> Self {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys.len()).arg(keys);
        Self {
            key: keys.first().cloned().unwrap_or_default(),
            script,
            command,
        }
    }

    /// One of its keys, which says where it goes.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Loads the script if the server does not know it.
    pub(super) async fn query<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<T, RedisError> {
        match self.command.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.script.load_async(connection).await?;
                self.command.query_async(connection).await
            }
            answered => answered,
        }
    }
}
