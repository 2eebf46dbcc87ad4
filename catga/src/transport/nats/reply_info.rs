/// Where a message of a consumer stands, as its reply subject tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReplyInfo {
    /// How often it was delivered, this time included.
    pub(super) deliveries: u64,
    /// In the stream.
    pub(super) sequence: u64,
    /// Counts what was sent to this consumer, from 1.
    pub(super) number: u64,
    /// When it was stored, in nanoseconds since 1970.
    pub(super) time: u64,
    /// How many are left.
    pub(super) pending: u64,
}

impl ReplyInfo {
    /// `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<number>.<time>.<pending>`; newer
    /// servers may put a domain and an account before the stream, and more behind.
    pub(super) fn parse(reply: &str) -> Option<Self> {
        let places = reply.strip_prefix("$JS.ACK.")?;
        let skipped = match places.bytes().filter(|&byte| byte == b'.').count() {
            6 => 2,
            8.. => 4,
            _ => return None,
        };
        let mut numbers = places.split('.').skip(skipped);
        let mut number = || numbers.next()?.parse().ok();
        Some(Self {
            deliveries: number()?,
            sequence: number()?,
            number: number()?,
            time: number()?,
            pending: number()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_old_and_new_servers() {
        let place = Some(ReplyInfo {
            deliveries: 1,
            sequence: 7,
            number: 3,
            time: 1_795_509_491_569_887_468,
            pending: 0,
        });
        for reply in [
            "$JS.ACK.KV_a_cluster.w1.1.7.3.1795509491569887468.0",
            "$JS.ACK._.ACC.KV_a_cluster.w1.1.7.3.1795509491569887468.0",
            "$JS.ACK.hub.ACC.KV_a_cluster.w1.1.7.3.1795509491569887468.0.random",
        ] {
            assert_eq!(ReplyInfo::parse(reply), place, "{reply}");
        }
        for other in ["", "$JS.ACK.a.b.1", "_INBOX.a.b", "$JS.ACK.a.b.1.x.3.4.0"] {
            assert_eq!(ReplyInfo::parse(other), None, "{other}");
        }
    }
}
