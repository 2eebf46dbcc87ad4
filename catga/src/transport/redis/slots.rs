//! Which server has which keys.

use std::sync::Arc;

use redis::Value;

use super::primary::Primary;

/// How many slots a Redis Cluster has.
const SLOTS: u16 = 16_384;

/// The servers and what is where. A server that is in no cluster has everything.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) primaries: Vec<Arc<Primary>>,
    ranges: Vec<Range>,
}

/// Slots that a primary has, both ends included. It is told by its place among the primaries.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: u16,
    last: u16,
    primary: usize,
}

/// An entry of the answer to `CLUSTER SLOTS`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    first: u16,
    last: u16,
    /// `None` if the cluster does not know it: the host that was asked.
    pub(super) host: Option<String>,
    pub(super) port: u16,
    pub(super) id: String,
}

impl Slots {
    pub(super) fn alone(server: &Arc<Primary>) -> Self {
        Self {
            primaries: vec![Arc::clone(server)],
            ranges: vec![Range {
                first: 0,
                last: SLOTS - 1,
                primary: 0,
            }],
        }
    }

    /// The primaries as they are told, of those that are known or made.
    pub(super) fn of_cluster(
        told: &[Told],
        mut primary: impl FnMut(&Told) -> Arc<Primary>,
    ) -> Self {
        let mut primaries = Vec::<Arc<Primary>>::new();
        let mut ranges = Vec::new();
        for told in told {
            let known = primaries.iter().position(|known| *known.id == *told.id);
            let at = known.unwrap_or_else(|| {
                primaries.push(primary(told));
                primaries.len() - 1
            });
            ranges.push(Range {
                first: told.first,
                last: told.last,
                primary: at,
            });
        }
        Self { primaries, ranges }
    }

    /// Who has a key; `None` if nobody does.
    pub(super) fn primary(&self, key: &str) -> Option<&Arc<Primary>> {
        // Of a server that is in no cluster, no slot is asked for.
        if let ([only], [all]) = (&*self.primaries, &*self.ranges)
            && (all.first, all.last) == (0, SLOTS - 1)
        {
            return Some(only);
        }
        let slot = slot_of(key);
        let range = self
            .ranges
            .iter()
            .find(|range| (range.first..=range.last).contains(&slot))?;
        self.primaries.get(range.primary)
    }
}

/// The answer to `CLUSTER SLOTS`. `None` if it is not one, or tells of no slots.
pub(super) fn told(answer: &Value) -> Option<Vec<Told>> {
    let Value::Array(entries) = answer else {
        return None;
    };
    let told: Vec<_> = entries.iter().map(entry).collect::<Option<_>>()?;
    (!told.is_empty()).then_some(told)
}

/// First and last slot, then the primary, then its replicas.
fn entry(entry: &Value) -> Option<Told> {
    let Value::Array(parts) = entry else {
        return None;
    };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(primary),
        ..,
    ] = &parts[..]
    else {
        return None;
    };
    let [host, Value::Int(port), id, ..] = &primary[..] else {
        return None;
    };
    Some(Told {
        first: u16::try_from(*first).ok()?,
        last: u16::try_from(*last).ok()?,
        host: text(host).filter(|host| !matches!(host.as_str(), "" | "?")),
        port: u16::try_from(*port).ok()?,
        id: text(id)?,
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(text) => String::from_utf8(text.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

/// The slot of a key: of what is in its first braces, if there is something.
fn slot_of(key: &str) -> u16 {
    let tag = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty());
    crc16(tag.unwrap_or(key).as_bytes()) % SLOTS
}

/// CRC-16/XMODEM, as the specification of Redis Cluster has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |mut crc, byte| {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::super::server::Server;
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // The check value of the specification, and answers to `CLUSTER KEYSLOT`.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of("foo"), 12_182);
        for key in ["catga:{foo}:q:1", "catga:{foo}:q:{x}", "{foo}"] {
            assert_eq!(slot_of(key), 12_182, "{key}");
        }
        // Nothing in the first braces: all of it counts.
        assert_ne!(slot_of("{}{foo}"), 12_182);
        assert_eq!(slot_of("foo{"), crc16(b"foo{") % SLOTS);
    }

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn range(first: i64, last: i64, host: Value, id: &str) -> Value {
        let node = |host, id| Value::Array(vec![host, Value::Int(7000), bulk(id)]);
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            node(host, id),
            node(bulk("10.0.0.9"), "replica"),
        ])
    }

    #[test]
    fn a_key_is_with_the_primary_of_its_slot() {
        let answer = Value::Array(vec![
            range(0, 8_000, bulk("10.0.0.1"), "a"),
            range(12_182, 12_182, Value::Nil, "b"),
            range(12_183, 16_383, bulk("10.0.0.1"), "a"),
        ]);
        let told = told(&answer).unwrap();
        assert_eq!(told[0].host.as_deref(), Some("10.0.0.1"));
        assert_eq!(told[1].host, None);
        let slots = Slots::of_cluster(&told, |told| {
            Arc::new(Primary::new(&told.id, Server::of_url("redis://host")))
        });
        assert_eq!(slots.primaries.len(), 2);
        let id = |key| slots.primary(key).map(|primary| &*primary.id);
        assert_eq!(id("catga:{foo}:q:1"), Some("b"));
        assert_eq!(id("123456789"), Some("a"));
        // 8001 to 12181 are with nobody.
        assert_eq!((slot_of("d"), id("d")), (11_298, None));
    }

    #[test]
    fn what_is_no_map_is_none() {
        for answer in [
            Value::Nil,
            Value::Array(vec![]),
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 70_000, Value::Nil, "a")]),
        ] {
            assert_eq!(told(&answer), None, "{answer:?}");
        }
    }
}
