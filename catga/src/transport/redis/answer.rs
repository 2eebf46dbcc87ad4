//! Answers as they are on the wire: RESP2.

use redis::{RedisError, Value};

/// Answers to reads are three deep.
const DEEPEST: usize = 8;

/// How much of an answer has been seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// Where the next value begins.
    at: usize,
    /// How many values are missing.
    missing: usize,
}

impl Seen {
    pub(super) const fn new() -> Self {
        Self { at: 0, missing: 1 }
    }

    /// Goes on. Where the answer ends, if it is there whole; `Err` if it is none.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, RedisError> {
        while self.missing > 0 {
            let Some((kind, line, mut end)) = line(bytes, self.at) else {
                return Ok(None);
            };
            match kind {
                b'$' => {
                    if let Some(length) = length(line)? {
                        end = end.checked_add(length + 2).ok_or_else(malformed)?;
                    }
                    if end > bytes.len() {
                        return Ok(None);
                    }
                }
                b'*' => self.missing += length(line)?.unwrap_or(0),
                b'+' | b'-' | b':' => {}
                _ => return Err(malformed()),
            }
            self.at = end;
            self.missing -= 1;
        }
        Ok(Some(self.at))
    }
}

/// An answer that is there whole.
pub(super) fn value(bytes: &[u8]) -> Result<Value, RedisError> {
    value_at(bytes, &mut 0, 0)
}

fn value_at(bytes: &[u8], at: &mut usize, depth: usize) -> Result<Value, RedisError> {
    let begin = *at;
    let (kind, line, end) = line(bytes, begin).ok_or_else(malformed)?;
    *at = end;
    match kind {
        b'$' => {
            let Some(length) = length(line)? else {
                return Ok(Value::Nil);
            };
            let data = bytes.get(end..end + length).ok_or_else(malformed)?;
            *at = end + length + 2;
            Ok(Value::BulkString(data.to_vec()))
        }
        b'*' if depth == DEEPEST => Err(malformed()),
        b'*' => {
            let Some(length) = length(line)? else {
                return Ok(Value::Nil);
            };
            let values = (0..length).map(|_| value_at(bytes, at, depth + 1));
            Ok(Value::Array(values.collect::<Result<_, _>>()?))
        }
        // A line, as errors are.
        _ => redis::parse_redis_value(&bytes[begin..end]),
    }
}

/// A line: its first byte, the rest, and where it ends.
fn line(bytes: &[u8], begin: usize) -> Option<(u8, &[u8], usize)> {
    let (kind, rest) = bytes.get(begin..)?.split_first()?;
    let length = rest.iter().position(|byte| *byte == b'\n')?;
    let line = rest[..length].strip_suffix(b"\r")?;
    Some((*kind, line, begin + length + 2))
}

/// A length; `None` if there is nothing.
fn length(line: &[u8]) -> Result<Option<usize>, RedisError> {
    if line == b"-1" {
        return Ok(None);
    }
    let digit = |length: usize, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| usize::from(byte - b'0'))?;
        // No answer is as long as this could say.
        length.checked_mul(10)?.checked_add(digit)
    };
    let length = line.iter().try_fold(0, digit);
    let length = length.filter(|length| !line.is_empty() && *length < usize::MAX / 4);
    length.map(Some).ok_or_else(malformed)
}

fn malformed() -> RedisError {
    (redis::ErrorKind::Parse, "this is no answer of Redis").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"*2\r\n*2\r\n$1\r\nq\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$3\r\n\r\n\n\r\n*2\r\n:-7\r\n*-1\r\n";

    #[test]
    fn an_answer_is_found_in_whatever_pieces_it_comes() {
        for pieces in 1..ANSWER.len() {
            let mut seen = Seen::new();
            let mut there = 0;
            let end = loop {
                if let Some(end) = seen.end(&ANSWER[..there]).unwrap() {
                    break end;
                }
                there = ANSWER.len().min(there + pieces);
            };
            assert_eq!((there, end), (ANSWER.len(), ANSWER.len()));
        }
        let mut two = ANSWER.to_vec();
        two.extend_from_slice(b"$-1\r\n");
        assert_eq!(Seen::new().end(&two).unwrap(), Some(ANSWER.len()));
    }

    #[test]
    fn an_answer_is_what_the_client_makes_of_it() {
        for answer in [
            ANSWER,
            b"$-1\r\n",
            b"$0\r\n\r\n",
            b"*0\r\n",
            b"+OK\r\n",
            b":5\r\n",
        ] {
            assert_eq!(
                value(answer).unwrap(),
                redis::parse_redis_value(answer).unwrap()
            );
        }
        let refused = value(b"-NOGROUP No such key\r\n").unwrap();
        let error = refused.extract_error().unwrap_err();
        assert_eq!(error.code(), Some("NOGROUP"));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in [
            &b"?\r\n"[..],
            b"$\r\n",
            b"$1x\r\n",
            b"*-2\r\n",
            b"$99999999999999999999\r\n",
        ] {
            assert!(Seen::new().end(bytes).is_err(), "{bytes:?}");
        }
        assert!(value(&b"*1\r\n".repeat(1_000)).is_err());
    }
}
