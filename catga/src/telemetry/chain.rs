use std::error::Error;
use std::fmt;

use crate::delivery::chain;

/// An error with all its sources, as one line of a log shows them: no error of this crate repeats
/// its source in its own text.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self.0).join(": "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::TransportError;

    #[test]
    fn every_source_is_shown_once() {
        let refused = std::io::Error::other(TransportError::new("connect", "refused"));
        let error = TransportError::new("read a record", refused);
        assert_eq!(error.to_string(), "the broker could not read a record");
        // `std::io::Error` shows what it is made from as itself.
        assert_eq!(
            Chain(&error).to_string(),
            "the broker could not read a record: the broker could not connect: refused"
        );
    }
}
