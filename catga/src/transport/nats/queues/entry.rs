//! A stored message: the attributes of `CloudEvents` as headers, and the payload as it is.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::Found;
use crate::message::{Headers, MessageId};
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers::{Outgoing, decode, decode_name};
use crate::transport::nats::names::Names;
use crate::transport::nats::stream::StoredMessage;
use crate::transport::{DOOR, Entry, Malformed, Position, rfc3339};

const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
const VERSION: &str = "ce-specversion";
const TIME: &str = "ce-time";
const KEY: &str = "ce-partitionkey";
const CONTENT_TYPE: &str = "content-type";

/// The attributes, in the order of [`Attributes::found`].
const ATTRIBUTES: [&str; 7] = [ID, TYPE, SOURCE, VERSION, TIME, KEY, CONTENT_TYPE];

/// The version of `CloudEvents`.
const CLOUD_EVENTS: &str = "1.0";

/// Of what nothing is said.
const JSON: &str = "application/json";

/// Everything but the payload.
pub(super) fn headers(entry: &Entry) -> Outgoing {
    Common::of(entry, None).with(entry, entry.id.to_string())
}

/// What entries that are stored together have in common, most of the time. To copy it is less work
/// than to make it again for each of them.
pub(super) struct Common<'a> {
    first: &'a Entry,
    headers: Outgoing,
}

impl<'a> Common<'a> {
    /// `own` is a header that is filled in for each of them, beside what [`with`](Self::with) fills
    /// in.
    pub(super) fn of(first: &'a Entry, own: Option<&'static str>) -> Self {
        let mut headers = Outgoing::default();
        headers.known(TYPE, &first.name);
        headers.known(SOURCE, &first.source);
        headers.known(VERSION, CLOUD_EVENTS);
        headers.known(CONTENT_TYPE, &first.content_type);
        // Room for what each has of its own.
        headers.open(ID);
        headers.open(TIME);
        if first.key.is_some() {
            headers.open(KEY);
        }
        if let Some(own) = own {
            headers.open(own);
        }
        Self { first, headers }
    }

    /// Whether an entry has it, too.
    pub(super) fn is_of(&self, entry: &Entry) -> bool {
        let Self { first, .. } = self;
        first.name == entry.name
            && first.source == entry.source
            && first.content_type == entry.content_type
            && first.key.is_some() == entry.key.is_some()
    }

    /// The headers of an entry that has it; `id` is its id as text.
    pub(super) fn with(&self, entry: &Entry, id: String) -> Outgoing {
        let mut headers = self.headers.clone();
        headers.fill(ID, id);
        headers.fill(TIME, rfc3339::write(entry.time));
        if let Some(key) = &entry.key {
            headers.fill_encoded(KEY, key);
        }
        let is_attribute = |name: &str| {
            ATTRIBUTES
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        };
        // A header cannot take the place of an attribute.
        for (name, value) in entry.headers.iter().filter(|(name, _)| !is_attribute(name)) {
            headers.named(name, value);
        }
        headers
    }
}

/// What stands for attributes that a program without catga left out.
#[derive(Debug, Clone)]
pub(super) struct Defaults<'a> {
    /// The type, from the subject.
    name: Cow<'a, str>,
    stream: String,
    position: Position,
}

impl<'a> Defaults<'a> {
    /// There are none for what nodes have sent.
    pub(super) fn of(
        names: &Names,
        service: &str,
        subject: &'a str,
        position: Position,
    ) -> Option<Self> {
        (service == DOOR).then(|| Self {
            name: decode(names.name_of(subject)),
            stream: names.queues(service),
            position,
        })
    }

    /// The same each time that it is read.
    fn id(&self) -> MessageId {
        let Position { sequence, stored } = self.position;
        let cause = format!("{} {sequence} {stored}", self.stream);
        MessageId::from_hash(xxh3_128(cause.as_bytes()))
    }
}

/// Reads a message. Where there are defaults, nothing is missing.
pub(super) fn read<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    payload: Bytes,
    defaults: Option<Defaults<'_>>,
) -> Found {
    let attributes = Attributes::of(headers);
    match attributes.entry(defaults.as_ref()) {
        Ok(entry) => Ok(Arc::new(Entry {
            headers: attributes.others,
            payload,
            ..entry
        })),
        Err(error) => Err(Malformed {
            error,
            headers: attributes.all(),
            payload,
        }),
    }
}

/// Reads a message that was asked for by its place.
pub(super) fn stored(
    message: &StoredMessage,
    defaults: Option<Defaults<'_>>,
) -> Result<Found, Trouble> {
    let headers = message.headers()?;
    let headers = headers.iter().map(|(name, value)| (&**name, &**value));
    Ok(read(headers, message.payload()?, defaults))
}

/// Headers, sorted.
struct Attributes<'a> {
    found: [Option<Cow<'a, str>>; 7],
    others: Headers,
}

impl<'a> Attributes<'a> {
    fn of(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut found = [const { None }; 7];
        let mut others = Headers::new();
        for (name, value) in headers {
            let known = ATTRIBUTES
                .iter()
                .position(|known| name.eq_ignore_ascii_case(known));
            match known {
                Some(known) => found[known] = Some(decode(value)),
                None if is_order(name) => {}
                None => others.insert(decode_name(name), decode(value)),
            }
        }
        Self { found, others }
    }

    /// The entry, without its headers and payload.
    fn entry(&self, defaults: Option<&Defaults<'_>>) -> Result<Entry, String> {
        let [id, name, source, version, time, key, content_type] =
            self.found.each_ref().map(Option::as_deref);
        let required = |attribute: &str, found: Option<&str>| match found {
            Some(_) => Ok(()),
            None => Err(format!("it has no `{attribute}`")),
        };
        if defaults.is_none() {
            let needed = [
                (ID, id),
                (SOURCE, source),
                (TIME, time),
                (CONTENT_TYPE, content_type),
            ];
            for (attribute, found) in needed {
                required(attribute, found)?;
            }
            if version != Some(CLOUD_EVENTS) {
                let found = version.unwrap_or_default();
                return Err(format!("`{VERSION}` is `{found}` and not `{CLOUD_EVENTS}`"));
            }
        }
        let name = name.filter(|name| !name.is_empty());
        let name = name.or(defaults.map(|defaults| &*defaults.name));
        let name = name.ok_or_else(|| format!("it has no `{TYPE}`"))?;
        let source = source.unwrap_or_default();
        Ok(Entry {
            id: id_of(id, source, defaults)?,
            name: name.to_owned().into(),
            source: source.into(),
            time: time_of(time, defaults)?,
            key: key.map(Arc::from),
            content_type: match content_type {
                None | Some(JSON) => JSON.into(),
                Some(other) => other.to_owned().into(),
            },
            headers: Headers::new(),
            payload: Bytes::new(),
        })
    }

    /// Everything that was found, under its name.
    fn all(self) -> Headers {
        let mut all = self.others;
        for (name, value) in ATTRIBUTES.into_iter().zip(self.found) {
            if let Some(value) = value {
                all.insert(name, value);
            }
        }
        all
    }
}

/// Whether a header is for the server, and no part of the message.
fn is_order(name: &str) -> bool {
    let start = name.get(..5);
    start.is_some_and(|start| start.eq_ignore_ascii_case("nats-"))
}

fn id_of(
    found: Option<&str>,
    source: &str,
    defaults: Option<&Defaults<'_>>,
) -> Result<MessageId, String> {
    let parsed = found.map(str::parse);
    match (parsed, found, defaults) {
        (Some(Ok(id)), ..) => Ok(id),
        // To others an id is any text, which is unique for its source.
        (_, Some(found), Some(_)) if !found.is_empty() => {
            let cause = format!("{source}\u{0}{found}");
            Ok(MessageId::from_hash(xxh3_128(cause.as_bytes())))
        }
        (_, _, Some(defaults)) => Ok(defaults.id()),
        (_, found, None) => {
            let found = found.unwrap_or_default();
            Err(format!("`{ID}` is `{found}`, which is no id"))
        }
    }
}

fn time_of(found: Option<&str>, defaults: Option<&Defaults<'_>>) -> Result<SystemTime, String> {
    match (found.and_then(rfc3339::read), defaults) {
        (Some(time), _) => Ok(time),
        (None, Some(defaults)) => Ok(UNIX_EPOCH + Duration::from_nanos(defaults.position.stored)),
        (None, None) => {
            let found = found.unwrap_or_default();
            Err(format!("`{TIME}` is `{found}`, which is no time"))
        }
    }
}
