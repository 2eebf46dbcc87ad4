use crate::suite::Cluster;

/// A cluster whose front door programs reach that know nothing of catga.
pub trait Outside: Cluster {
    /// Puts something to the door, past the transport. `false` if this broker has no way to put it
    /// there.
    fn post(&self, post: Post<'_>) -> impl Future<Output = bool>;
}

/// What such a program puts to the door.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The type, however the broker has it said.
    pub name: Option<&'a str>,
    /// Other attributes, by their names on the wire.
    pub attributes: &'a [(&'a str, &'a str)],
    /// The payload.
    pub data: &'a [u8],
}
