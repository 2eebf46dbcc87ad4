use bytes::Bytes;

use crate::message::Headers;

/// What travels from node to node: headers and a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// `CloudEvents` attributes and catga's own headers.
    pub headers: Headers,
    /// The encoded message or answer.
    pub payload: Bytes,
}
