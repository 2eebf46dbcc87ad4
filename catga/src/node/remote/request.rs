use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use crate::delivery::Envelope;
use crate::message::{ContentType, Headers, MessageId, MessageInfo, chance};
use crate::node::{NodeId, time_now};
use crate::transport::Frame;

const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
const SPEC_VERSION: &str = "ce-specversion";
const KEY: &str = "ce-partitionkey";
pub(super) const CONTENT_TYPE: &str = "content-type";
const CALL: &str = "catga-call";
const TIMEOUT: &str = "catga-timeout";
const CANCEL: &str = "catga-cancel";

/// Headers that belong to the frame and not to the message.
const OWN: [&str; 9] = [
    ID,
    TYPE,
    SOURCE,
    SPEC_VERSION,
    KEY,
    CONTENT_TYPE,
    CALL,
    TIMEOUT,
    CANCEL,
];

/// What comes into a node's inbox.
#[derive(Debug)]
pub(super) enum Received {
    Call(Request),
    /// The caller of this call has given up.
    Cancel(CallId),
}

/// Which frame of which node: a message may be tried more than once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CallId {
    pub(super) caller: Caller,
    pub(super) number: u64,
}

/// A node in one of its processes, each of which counts anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    pub(super) node: String,
    pub(super) process: u64,
}

/// Numbers the calls and broadcasts of this process.
static NUMBERS: AtomicU64 = AtomicU64::new(1);
/// Tells it from others in which a node of the same name ran.
static PROCESS: LazyLock<u64> = LazyLock::new(|| chance::draw(|chance| chance.u64(..)));

pub(super) fn next_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl CallId {
    fn text(number: u64) -> String {
        format!("{:x}-{number}", *PROCESS)
    }

    fn parse(node: &str, text: &str) -> Result<Self, String> {
        let numbers = text.split_once('-').and_then(|(process, number)| {
            let process = u64::from_str_radix(process, 16).ok()?;
            Some((process, number.parse().ok()?))
        });
        let (process, number) = numbers.ok_or_else(|| {
            format!("`{text}` is not the number of a call: a process in hexadecimal digits, `-` and a decimal number")
        })?;
        Ok(Self {
            caller: Caller {
                node: node.to_owned(),
                process,
            },
            number,
        })
    }
}

/// A call as it travels.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) call: CallId,
    pub(super) name: String,
    pub(super) id: Option<MessageId>,
    pub(super) key: Option<Arc<str>>,
    /// How long the caller still waits: clocks differ, so no point in time.
    pub(super) timeout: Duration,
    pub(super) headers: Headers,
    pub(super) content_type: ContentType,
    pub(super) payload: Bytes,
}

/// A call, ready to travel.
pub(super) struct Call<'a> {
    pub(super) from: &'a NodeId,
    pub(super) number: u64,
    pub(super) info: &'static MessageInfo,
    pub(super) id: MessageId,
    pub(super) key: Option<&'a str>,
    pub(super) timeout: Duration,
    pub(super) headers: &'a Headers,
    pub(super) content_type: ContentType,
    pub(super) payload: Bytes,
}

impl Call<'_> {
    pub(super) fn into_frame(self) -> Frame {
        let mut headers = self.headers.clone();
        headers.insert(ID, self.id.to_string());
        headers.insert(TYPE, self.info.name());
        headers.insert(SOURCE, self.from.as_str());
        headers.insert(SPEC_VERSION, "1.0");
        headers.insert(CONTENT_TYPE, self.content_type.as_str());
        headers.insert(CALL, CallId::text(self.number));
        headers.insert(TIMEOUT, self.timeout.as_millis().to_string());
        if let Some(key) = self.key {
            headers.insert(KEY, key);
        }
        Frame {
            headers,
            payload: self.payload,
        }
    }
}

/// Tells a node that a caller has given up.
pub(super) fn cancel(from: &NodeId, number: u64) -> Frame {
    let mut headers = Headers::new();
    headers.insert(SOURCE, from.as_str());
    headers.insert(CANCEL, CallId::text(number));
    Frame {
        headers,
        payload: Bytes::new(),
    }
}

impl Received {
    /// Reads a frame; the error says what is wrong with it.
    pub(super) fn parse(frame: Frame) -> Result<Self, String> {
        let get = |name: &str| frame.headers.get(name);
        let need = |name: &str| get(name).ok_or_else(|| format!("the header `{name}` is missing"));
        let node = need(SOURCE)?;
        if let Some(call) = get(CANCEL) {
            return CallId::parse(node, call).map(Self::Cancel);
        }
        let timeout = need(TIMEOUT)?;
        let timeout = timeout
            .parse()
            .map_err(|_| format!("`{timeout}` is not a time in milliseconds"))?;
        let content_type = get(CONTENT_TYPE).unwrap_or(ContentType::Json.as_str());
        let content_type = ContentType::parse(content_type)
            .ok_or_else(|| format!("`{content_type}` is not a format that this node reads"))?;
        let id = get(ID)
            .map(|id| id.parse::<MessageId>().map_err(|error| error.to_string()))
            .transpose()?;
        let mut headers = Headers::new();
        for (name, value) in frame.headers.iter() {
            if !OWN.contains(&name) {
                headers.insert(name, value);
            }
        }
        Ok(Self::Call(Request {
            call: CallId::parse(node, need(CALL)?)?,
            name: need(TYPE)?.to_owned(),
            id,
            key: get(KEY).map(Into::into),
            timeout: Duration::from_millis(timeout),
            headers,
            content_type,
            payload: frame.payload.clone(),
        }))
    }
}

impl Request {
    /// The message of the call, whose type is known here.
    pub(super) fn into_envelope(self, info: &'static MessageInfo) -> Envelope {
        Envelope {
            id: self.id.unwrap_or_else(MessageId::new),
            info,
            made: time_now(),
            key: self.key,
            headers: self.headers,
            content_type: self.content_type,
            payload: self.payload,
            only: None,
            fence: None,
        }
    }
}
