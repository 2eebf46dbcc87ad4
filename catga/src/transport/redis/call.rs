use redis::aio::MultiplexedConnection;
use redis::{Arg, Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, ToRedisArgs};

/// A script, which servers know by its hash.
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    pub(super) fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }
}

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
        command.arg(&script.hash).arg(keys.len()).arg(keys);
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

    /// Sends the text if the server does not know the script, which then remembers it.
    pub(super) async fn query<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<T, RedisError> {
        match self.command.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.with_text().query_async(connection).await
            }
            answered => answered,
        }
    }

    /// The same call, which cannot be refused because somebody made the server forget its scripts,
    /// however often they do.
    fn with_text(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.script.text);
        for argument in self.command.args_iter().skip(2) {
            if let Arg::Simple(argument) = argument {
                command.arg(argument);
            }
        }
        command
    }
}
