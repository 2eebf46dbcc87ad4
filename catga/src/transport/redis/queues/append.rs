use std::collections::HashMap;
use std::sync::LazyLock;

use super::entry;
use super::{WINDOW_MILLIS, script};
use crate::transport::redis::Shared;
use crate::transport::redis::call::{Call, Script};
use crate::transport::{Append, AppendError, Appended, Entry, Part, Queue, REPLAY, TransportError};

static APPEND: LazyLock<Script> = script!("append");

/// The largest entry, in bytes. Redis takes more, but heartbeats share the connection and must
/// not wait for long.
const LARGEST: usize = 64 << 20;

/// How much one call of the script carries, in bytes and entries: the server does nothing else
/// meanwhile.
const CALL_BYTES: usize = 1 << 20;
const CALL_ENTRIES: usize = 1_000;

/// How many ids from chance are known at least, for each queue: one of those comes again only
/// when a publisher repeats, by hand, what failed.
const FROM_CHANCE: usize = 16_384;

type Answer = Result<Appended, AppendError>;

impl Shared {
    /// In calls of a bearable size, one after the other. Behind one that was refused, or whose
    /// answer was lost, nothing is sent: what is stored later would make it look stored, too.
    pub(super) async fn append_all(
        &self,
        queue: &Queue,
        writer: u64,
        entries: &[Append],
    ) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(entries.len());
        while answers.len() < entries.len() {
            let rest = &entries[answers.len()..];
            let (count, size) = first_call(rest);
            if count == 0 {
                answers.push(Err(AppendError::TooLarge {
                    size,
                    limit: LARGEST,
                }));
                continue;
            }
            let call = self.call(queue, writer, &rest[..count]);
            let repeated: Result<Vec<usize>, _> = self.commands.call(&call).await;
            match repeated {
                Ok(repeated) => {
                    let first = answers.len();
                    answers.extend((0..count).map(|_| Ok(Appended::New)));
                    for at in repeated {
                        if let Some(answer) = answers.get_mut(first + at) {
                            *answer = Ok(Appended::Repeated);
                        }
                    }
                }
                Err(error) if error.code() == Some("OOM") => {
                    answers.extend(rest.iter().map(|_| Err(AppendError::Full)));
                }
                Err(error) => {
                    answers.push(Err(AppendError::Transport(error.when("store a message"))));
                    let behind = rest[1..].iter();
                    answers.extend(behind.map(|_| Err(AppendError::Transport(not_sent()))));
                }
            }
        }
        answers
    }

    fn call(&self, queue: &Queue, writer: u64, entries: &[Append]) -> Call {
        let service = &queue.service;
        let part = match queue.part {
            Part::Partition(partition) => partition.to_string(),
            Part::Shared => "shared".to_owned(),
        };
        let mut keys = vec![
            self.names.queue(queue),
            self.names.service(service, format_args!("writers:{part}")),
            self.names.service(service, format_args!("recent:{part}")),
            self.names
                .service(service, format_args!("recent:{part}:before")),
        ];
        for append in entries.iter().filter(|append| append.given) {
            let entry = &append.entry;
            let mut seen = format!("seen:{part}:{}:{}", entry.name, entry.id);
            if let Some(letter) = entry.headers.get(REPLAY) {
                seen.push_str(":replay:");
                seen.push_str(letter);
            }
            keys.push(self.names.service(service, seen));
        }
        let (heads, head_of) = heads(entries);
        let mut call = Call::new(&APPEND, &keys);
        call.arg(format!("{writer:016x}")).arg(WINDOW_MILLIS);
        call.arg(FROM_CHANCE).arg(entries.len()).arg(heads.len());
        for value in heads.iter().flatten() {
            call.arg(value);
        }
        for (append, head) in entries.iter().zip(head_of) {
            let Append { entry, given, .. } = append;
            // Of one width, so that their texts are compared as they are: a number of Lua has
            // less than 64 bits.
            call.arg(format!("{:020}", append.number));
            call.arg(&entry.dedup_key().to_be_bytes()[..]);
            let values = 2 * entry::count_more(entry);
            call.arg((values * 2 + usize::from(*given)) * heads.len() + head);
            entry::write_own(entry, |value| {
                call.arg(value);
            });
            entry::write_more(entry, |name, value| {
                call.arg(name).arg(value);
            });
        }
        call
    }
}

/// What entries have in common: their type, source and content type.
type Head<'a> = [&'a str; 3];

/// The heads of entries, and for each of these which of them it has.
fn heads(entries: &[Append]) -> (Vec<Head<'_>>, Vec<usize>) {
    let mut heads: Vec<Head<'_>> = Vec::new();
    let mut known = HashMap::new();
    let mut last = 0;
    let head_of = entries.iter().map(|append| {
        let Entry {
            name,
            source,
            content_type,
            ..
        } = &*append.entry;
        let head = [&**name, &**source, &**content_type];
        // Most often it is the one of the entry before.
        if heads.get(last) != Some(&head) {
            last = *known.entry(head).or_insert(heads.len());
            if last == heads.len() {
                heads.push(head);
            }
        }
        last
    });
    let head_of = head_of.collect();
    (heads, head_of)
}

/// How many entries the next call carries, and their size; none if the first is too large.
fn first_call(entries: &[Append]) -> (usize, usize) {
    let mut all = 0;
    for (count, append) in entries.iter().take(CALL_ENTRIES).enumerate() {
        let size = entry::size(&append.entry);
        if size > LARGEST {
            return (count, if count == 0 { size } else { all });
        }
        if count > 0 && all + size > CALL_BYTES {
            return (count, all);
        }
        all += size;
    }
    (entries.len().min(CALL_ENTRIES), all)
}

fn not_sent() -> TransportError {
    TransportError::new(
        "store a message",
        "one before it is in doubt; it was not sent",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;

    use super::*;
    use crate::message::{Headers, MessageId};

    fn of_sizes(sizes: &[usize]) -> Vec<Append> {
        let append = |(number, size): (usize, &usize)| Append {
            number: number as u64,
            given: false,
            entry: Arc::new(Entry {
                id: MessageId::new(),
                name: "a".into(),
                source: "b".into(),
                time: UNIX_EPOCH,
                key: None,
                content_type: "application/json".into(),
                headers: Headers::new(),
                payload: Bytes::from(vec![0; *size]),
            }),
        };
        sizes.iter().enumerate().map(append).collect()
    }

    #[test]
    fn each_head_is_there_once() {
        let mut entries = of_sizes(&[0; 5]);
        for (append, source) in entries.iter_mut().zip(["b", "c", "c", "b", "b"]) {
            Arc::make_mut(&mut append.entry).source = source.into();
        }
        let (heads, head_of) = heads(&entries);
        let json = "application/json";
        assert_eq!(heads, [["a", "b", json], ["a", "c", json]]);
        assert_eq!(head_of, [0, 1, 1, 0, 0]);
    }

    #[test]
    fn calls_have_a_bearable_size() {
        let count = |sizes: &[usize]| first_call(&of_sizes(sizes)).0;
        assert_eq!(count(&[0; 10]), 10);
        assert_eq!(count(&[0; 3_000]), CALL_ENTRIES);
        assert_eq!(count(&[CALL_BYTES / 3; 10]), 2);
        assert_eq!(count(&[LARGEST / 2, 1]), 1);
        assert_eq!(count(&[1, LARGEST, 1]), 1);
        let (none, size) = first_call(&of_sizes(&[LARGEST, 1]));
        assert!(none == 0 && size > LARGEST);
    }
}
