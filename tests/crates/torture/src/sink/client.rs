use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::line::{Execution, Line, YES};
use crate::messages::Failure;

/// The way of a node process to the sink.
#[derive(Debug, Clone)]
pub struct Sink {
    port: u16,
    process: Arc<str>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// An execution whose start was accepted. Dropped with its handler, it closes its connection.
#[derive(Debug)]
pub struct Started<'a> {
    sink: &'a Sink,
    connection: Connection,
}

#[derive(Debug)]
struct Connection(BufReader<TcpStream>);

impl Sink {
    pub fn new(port: u16, process: &str) -> Self {
        Self {
            port,
            process: process.into(),
            idle: Arc::default(),
        }
    }

    /// Says that the node has started.
    pub async fn up(&self) {
        if let Ok(mut connection) = self.connection().await {
            let _ = connection.ask(&Line::Up(self.process.to_string())).await;
        }
    }

    /// The first write of an execution.
    pub async fn start(&self, mut execution: Execution) -> Result<Started<'_>, Failure> {
        execution.process = self.process.to_string();
        let line = Line::Start(execution);
        let mut connection = self.connection().await.map_err(unwritten)?;
        if connection.ask(&line).await.map_err(unwritten)? {
            return Ok(Started {
                sink: self,
                connection,
            });
        }
        self.keep(connection);
        Err(Failure::Fenced)
    }

    async fn connection(&self) -> io::Result<Connection> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(connection) => Ok(connection),
            None => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
                stream.set_nodelay(true)?;
                Ok(Connection(BufReader::new(stream)))
            }
        }
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(connection);
    }
}

impl Started<'_> {
    /// The last write of an execution.
    pub async fn end(mut self, succeeded: bool) -> Result<(), Failure> {
        let line = Line::End(succeeded);
        let accepted = self.connection.ask(&line).await.map_err(unwritten)?;
        self.sink.keep(self.connection);
        if accepted {
            Ok(())
        } else {
            Err(Failure::Fenced)
        }
    }
}

impl Connection {
    /// Whether it is accepted.
    async fn ask(&mut self, line: &Line) -> io::Result<bool> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.0.get_mut().write_all(text.as_bytes()).await?;
        text.clear();
        if self.0.read_line(&mut text).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(text.trim_end() == YES)
    }
}

fn unwritten(error: io::Error) -> Failure {
    println!("the sink does not answer: {error}");
    Failure::Unwritten
}
