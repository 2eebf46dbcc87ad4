use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::line::{Line, NO, YES};
use crate::journal::Journal;

/// Writes what the nodes say into the journal; returns the port.
pub async fn serve(journal: &Arc<Journal>) -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let journal = Arc::clone(journal);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(attend(stream, Arc::clone(&journal)));
        }
    });
    Ok(port)
}

async fn attend(stream: TcpStream, journal: Arc<Journal>) {
    // It only makes answers faster.
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    let mut text = String::new();
    let mut running = None;
    while let Ok(1..) = stream.read_line(&mut text).await {
        let accepted = match serde_json::from_str(&text) {
            Ok(Line::Up(process)) => {
                journal.up(process);
                true
            }
            Ok(Line::Start(execution)) => {
                running = journal.start(execution);
                running.is_some()
            }
            Ok(Line::End(succeeded)) => running
                .take()
                .is_some_and(|execution| journal.end(&execution, succeeded)),
            // The line was cut off with its process.
            Err(_) => break,
        };
        let answer = format!("{}\n", if accepted { YES } else { NO });
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            break;
        }
        text.clear();
    }
    if let Some(execution) = running {
        journal.gone(&execution);
    }
}
