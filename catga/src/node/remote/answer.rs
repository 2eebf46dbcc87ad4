use std::error::Error;
use std::time::Duration;

use bytes::Bytes;

use super::error::RemoteError;
use super::refusal::Refusal;
use super::request::CONTENT_TYPE;
use crate::delivery::{Encoded, Fault, chain};
use crate::message::{ContentType, DecodeError, Headers, MessageId, MessageInfo};
use crate::node::{Answer, NodeId, SendError};
use crate::transport::Frame;

const STATUS: &str = "catga-status";
const DETAIL: &str = "catga-detail";

/// The frame of an answer to a call that came in this format.
pub(super) fn frame_of(answer: Answer, content_type: ContentType) -> Frame {
    let encoded = match answer {
        Answer::Outcome(outcome) => outcome.encode(content_type),
        Answer::Encoded(encoded, _) => Ok(encoded),
        Answer::Error(error) => Err(error),
    };
    match encoded {
        Ok(Encoded::Response(content_type, bytes)) => frame("ok", "", content_type, bytes),
        Ok(Encoded::Rejected(content_type, bytes)) => frame("rejected", "", content_type, bytes),
        Err(error) => failed(&error),
    }
}

fn failed(error: &SendError) -> Frame {
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
        SendError::Timeout(timeout) => bare("timeout", &timeout.after().as_millis().to_string()),
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
    bare("refused", refusal.as_str())
}

/// The frame of a request that cannot be read.
pub(super) fn unreadable(text: String) -> Frame {
    texts("undecodable", "", &[text])
}

fn texts(status: &str, detail: &str, texts: &[String]) -> Frame {
    let content_type = ContentType::Json;
    let payload = content_type.encode(&texts).unwrap_or_default();
    frame(status, detail, content_type, payload)
}

fn bare(status: &str, detail: &str) -> Frame {
    frame(status, detail, ContentType::default(), Bytes::new())
}

fn frame(status: &str, detail: &str, content_type: ContentType, payload: Bytes) -> Frame {
    let mut headers = Headers::new();
    headers.insert(STATUS, status);
    headers.insert(CONTENT_TYPE, content_type.as_str());
    if !detail.is_empty() {
        headers.insert(DETAIL, detail);
    }
    Frame { headers, payload }
}

/// What the answer of a node means to the caller: a refusal says that nothing ran.
pub(super) fn parse(
    frame: Frame,
    info: &'static MessageInfo,
    node: &NodeId,
    id: MessageId,
) -> Result<Answer, Refusal> {
    let Frame { headers, payload } = frame;
    let status = headers.get(STATUS).unwrap_or_default();
    let detail = headers.get(DETAIL).unwrap_or_default();
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(ContentType::parse)
        .unwrap_or_default();
    let texts = || {
        ContentType::Json
            .decode::<Vec<String>>(&payload)
            .unwrap_or_default()
    };
    let encoded = |encoded| Ok(Answer::Encoded(encoded, Some((node.clone(), id))));
    let error = match status {
        "ok" => return encoded(Encoded::Response(content_type, payload)),
        "rejected" => return encoded(Encoded::Rejected(content_type, payload)),
        "refused" => return Err(Refusal::parse(detail).unwrap_or(Refusal::Overloaded)),
        "failed" => {
            let error = RemoteError::of_chain(texts(), detail == "permanent");
            SendError::failed(info, error.into())
        }
        "panicked" => {
            let text = texts().into_iter().next().unwrap_or_default();
            SendError::panicked(info, text)
        }
        "timeout" => {
            let after = Duration::from_millis(detail.parse().unwrap_or_default());
            SendError::timeout(info, after)
        }
        status => {
            let mut texts = texts();
            if texts.is_empty() {
                texts.push(format!("an answer with the unknown status `{status}`"));
            }
            let error = RemoteError::of_chain(texts, true);
            SendError::undecodable(info, DecodeError::remote(info.type_name(), error))
        }
    };
    Ok(Answer::Error(error.located(node, Some(id))))
}
