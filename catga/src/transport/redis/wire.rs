//! How what nodes tell each other lies in the payload of a channel.
//!
//! Numbers are little endian. The first byte says what it is:
//!
//! | first byte | what | then |
//! |---|---|---|
//! | 1 | told: a broadcast, or into an inbox | a frame |
//! | 2 | asked: into an inbox | server's time in µs when it was sent, 0 if unknown: `u64`; number: `u64`; channel for the answer: text; a frame |
//! | 3 | the answer to that number | number: `u64`; a frame |
//! | 4 | that number was not handled, and will not be | number: `u64` |
//! | 5 | another inbox of this node is being opened | its number: `u64` |
//!
//! A frame is the number of headers as `u16`, each as two texts, and the payload up to the end. A
//! text is its length in bytes as `u32` and UTF-8. What cannot be read is dropped.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::message::Headers;
use crate::transport::Frame;

/// What travels through a channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    Told(Frame),
    Asked {
        /// The server's clock when it was sent; 0 if that was not known.
        sent: u64,
        number: u64,
        answers: String,
        frame: Frame,
    },
    Answer {
        number: u64,
        frame: Frame,
    },
    Undelivered {
        number: u64,
    },
    Opened {
        inbox: u64,
    },
}

impl Parcel {
    pub(super) fn encode(&self) -> Bytes {
        let mut to = BytesMut::with_capacity(64 + self.frame().map_or(0, size));
        match self {
            Self::Told(frame) => {
                to.put_u8(1);
                put_frame(&mut to, frame);
            }
            Self::Asked {
                sent,
                number,
                answers,
                frame,
            } => {
                to.put_u8(2);
                to.put_u64_le(*sent);
                to.put_u64_le(*number);
                put_text(&mut to, answers);
                put_frame(&mut to, frame);
            }
            Self::Answer { number, frame } => {
                to.put_u8(3);
                to.put_u64_le(*number);
                put_frame(&mut to, frame);
            }
            Self::Undelivered { number } => {
                to.put_u8(4);
                to.put_u64_le(*number);
            }
            Self::Opened { inbox } => {
                to.put_u8(5);
                to.put_u64_le(*inbox);
            }
        }
        to.freeze()
    }

    /// `None` if it is nothing of ours.
    pub(super) fn decode(mut from: Bytes) -> Option<Self> {
        let parcel = match byte(&mut from)? {
            1 => Self::Told(frame(from)?),
            2 => Self::Asked {
                sent: number(&mut from)?,
                number: number(&mut from)?,
                answers: text(&mut from)?,
                frame: frame(from)?,
            },
            3 => Self::Answer {
                number: number(&mut from)?,
                frame: frame(from)?,
            },
            4 => Self::Undelivered {
                number: number(&mut from)?,
            },
            5 => Self::Opened {
                inbox: number(&mut from)?,
            },
            _ => return None,
        };
        Some(parcel)
    }

    fn frame(&self) -> Option<&Frame> {
        match self {
            Self::Told(frame) | Self::Asked { frame, .. } | Self::Answer { frame, .. } => {
                Some(frame)
            }
            Self::Undelivered { .. } | Self::Opened { .. } => None,
        }
    }
}

/// How many bytes a frame takes.
fn size(frame: &Frame) -> usize {
    let headers = frame.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| 8 + name.len() + value.len())
        .sum();
    2 + headers + frame.payload.len()
}

fn put_frame(to: &mut BytesMut, frame: &Frame) {
    // Nobody sets 65,536 headers; what is beyond is left out rather than misread.
    let count = u16::try_from(frame.headers.len()).unwrap_or(u16::MAX);
    to.put_u16_le(count);
    for (name, value) in frame.headers.iter().take(usize::from(count)) {
        put_text(to, name);
        put_text(to, value);
    }
    to.put_slice(&frame.payload);
}

fn put_text(to: &mut BytesMut, text: &str) {
    // Redis takes no payload of 4 GiB.
    to.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
    to.put_slice(text.as_bytes());
}

fn frame(mut from: Bytes) -> Option<Frame> {
    let count = (from.remaining() >= 2).then(|| from.get_u16_le())?;
    let mut headers = Headers::new();
    for _ in 0..count {
        headers.insert(text(&mut from)?, text(&mut from)?);
    }
    Some(Frame {
        headers,
        payload: from,
    })
}

fn byte(from: &mut Bytes) -> Option<u8> {
    from.has_remaining().then(|| from.get_u8())
}

fn number(from: &mut Bytes) -> Option<u64> {
    (from.remaining() >= 8).then(|| from.get_u64_le())
}

fn text(from: &mut Bytes) -> Option<String> {
    let length = (from.remaining() >= 4).then(|| from.get_u32_le())?;
    let length = usize::try_from(length).ok()?;
    if from.remaining() < length {
        return None;
    }
    String::from_utf8(from.split_to(length).into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcels() -> [Parcel; 6] {
        let frame = || Frame {
            headers: Headers::from_iter([("ce-id", "7"), ("tenant", "grün")]),
            payload: Bytes::from_static(b"\x00\xffdata"),
        };
        [
            Parcel::Told(frame()),
            Parcel::Told(Frame::default()),
            Parcel::Asked {
                sent: u64::MAX,
                number: 7,
                answers: "catga:0:answers:x".into(),
                frame: frame(),
            },
            Parcel::Answer {
                number: 7,
                frame: frame(),
            },
            Parcel::Undelivered { number: 7 },
            Parcel::Opened { inbox: 3 },
        ]
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        for parcel in parcels() {
            assert_eq!(Parcel::decode(parcel.encode()), Some(parcel));
        }
    }

    #[test]
    fn the_layout_is_part_of_the_contract() {
        let frame = Frame {
            headers: Headers::from_iter([("a", "bc")]),
            payload: Bytes::from_static(b"!"),
        };
        let answers = "r".to_owned();
        let asked = Parcel::Asked {
            sent: 1,
            number: 2,
            answers,
            frame,
        };
        let expected =
            b"\x02\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0r\x01\0\x01\0\0\0a\x02\0\0\0bc!";
        assert_eq!(&asked.encode()[..], expected);
    }

    #[test]
    fn nonsense_is_nothing() {
        assert_eq!(Parcel::decode(Bytes::new()), None);
        assert_eq!(Parcel::decode(Bytes::from_static(b"\x09hello")), None);
        let text_beyond_the_end = b"\x01\x01\0\xff\xff\xff\xff";
        assert_eq!(
            Parcel::decode(Bytes::from_static(text_beyond_the_end)),
            None
        );
        for parcel in parcels() {
            let whole = parcel.encode();
            let head = match &parcel {
                // What is left of a payload cannot be told from all of it.
                Parcel::Told(frame) => whole.len() - frame.payload.len(),
                _ => whole.len().min(17),
            };
            for end in 0..head {
                assert_eq!(Parcel::decode(whole.slice(..end)), None, "{parcel:?} {end}");
            }
        }
    }
}
