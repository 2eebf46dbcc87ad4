use std::error::Error;
use std::time::Duration;

use bytes::Bytes;

use super::error::RemoteError;
use super::refusal::Refusal;
use super::request::CONTENT_TYPE;
use crate::delivery::{Fault, chain};
use crate::handler::Reply;
use crate::message::{ContentType, Headers, Message};
use crate::node::SendError;
use crate::transport::Frame;

const STATUS: &str = "catga-status";
const DETAIL: &str = "catga-detail";

/// What an answer means to the caller.
pub(super) enum Answer<M: Message> {
    Reply(Reply<M>),
    /// Nothing ran.
    Refused(Refusal),
}

/// The frame of a handler's reply.
pub(crate) fn answer_of<M: Message>(reply: Reply<M>) -> Frame {
    let content_type = ContentType::default();
    let encoded =
        match reply {
            Ok(response) => (M::CODEC.encode_response)(content_type, &response)
                .map(|payload| ("ok", "", payload)),
            Err(SendError::Rejected(error)) => (M::CODEC.encode_error)(content_type, &error)
                .map(|payload| ("rejected", "", payload)),
            Err(other) => return failed(&other),
        };
    match encoded {
        Ok((status, detail, payload)) => frame(status, detail, payload),
        // Its own `Serialize` refused it: the caller hears that instead.
        Err(error) => texts("failed", "permanent", &chain(&error)),
    }
}

fn failed<E: Error + 'static>(error: &SendError<E>) -> Frame {
    match error {
        SendError::Failed(failed) => {
            let source = failed.source();
            let detail = if failed.fault() == Fault::Permanent {
                "permanent"
            } else {
                ""
            };
            texts("failed", detail, &source.map(chain).unwrap_or_default())
        }
        SendError::Panicked(panicked) => texts("panicked", "", &[panicked.text().to_owned()]),
        SendError::Timeout(timeout) => frame(
            "timeout",
            &timeout.after().as_millis().to_string(),
            Bytes::new(),
        ),
        SendError::NoRoute(_) => refused(Refusal::NoHandler),
        SendError::Refused(_) => refused(Refusal::Draining),
        other => texts(
            "undecodable",
            "",
            &other.source().map(chain).unwrap_or_default(),
        ),
    }
}

/// The frame of a call that was not run.
pub(super) fn refused(refusal: Refusal) -> Frame {
    frame("refused", refusal.as_str(), Bytes::new())
}

/// The frame of a request that cannot be read.
pub(super) fn unreadable(text: String) -> Frame {
    texts("undecodable", "", &[text])
}

fn texts(status: &str, detail: &str, texts: &[String]) -> Frame {
    let payload = ContentType::Json.encode(&texts).unwrap_or_default();
    frame(status, detail, payload)
}

fn frame(status: &str, detail: &str, payload: Bytes) -> Frame {
    let mut headers = Headers::new();
    headers.insert(STATUS, status);
    headers.insert(CONTENT_TYPE, ContentType::default().as_str());
    if !detail.is_empty() {
        headers.insert(DETAIL, detail);
    }
    Frame { headers, payload }
}

impl<M: Message> Answer<M> {
    pub(super) fn parse(frame: &Frame) -> Self {
        let info = M::info();
        let detail = frame.headers.get(DETAIL).unwrap_or_default();
        let content_type = frame
            .headers
            .get(CONTENT_TYPE)
            .and_then(ContentType::parse)
            .unwrap_or_default();
        let texts = || {
            ContentType::Json
                .decode::<Vec<String>>(&frame.payload)
                .unwrap_or_default()
        };
        let undecodable = |error| Err(SendError::undecodable(info, error));
        Self::Reply(match frame.headers.get(STATUS).unwrap_or_default() {
            "ok" => match (M::CODEC.decode_response)(content_type, &frame.payload) {
                Ok(response) => Ok(response),
                Err(error) => undecodable(error),
            },
            "rejected" => match (M::CODEC.decode_error)(content_type, &frame.payload) {
                Ok(error) => Err(SendError::Rejected(error)),
                Err(error) => undecodable(error),
            },
            "failed" => {
                let error = RemoteError::of_chain(texts(), detail == "permanent");
                Err(SendError::failed(info, error.into()))
            }
            "panicked" => {
                let text = texts().into_iter().next().unwrap_or_default();
                Err(SendError::panicked(info, text))
            }
            "timeout" => {
                let after = Duration::from_millis(detail.parse().unwrap_or_default());
                Err(SendError::timeout(info, after))
            }
            "refused" => {
                return Self::Refused(Refusal::parse(detail).unwrap_or(Refusal::Overloaded));
            }
            status => {
                let mut texts = texts();
                if texts.is_empty() {
                    texts.push(format!("an answer with the unknown status `{status}`"));
                }
                let error = RemoteError::of_chain(texts, true);
                undecodable(crate::message::DecodeError::remote::<M>(error))
            }
        })
    }
}
