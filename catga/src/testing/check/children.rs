//! A handler that runs again sends the same messages again, and no others.

use std::sync::Arc;

use super::super::history::Record;
use super::super::report::Rule;
use crate::message::MessageId;

impl Record {
    /// One cause has one message, and one message has one cause.
    pub(in super::super) fn check_child(
        &mut self,
        id: MessageId,
        key: Option<Arc<str>>,
        cause: String,
    ) {
        let known = *self.children.entry(cause.clone()).or_insert(id);
        if known != id {
            let text = format!("{id} was sent because of {cause}, and so was {known}");
            self.violation(Rule::Children, Some(id), key.as_ref(), text);
            return;
        }
        let mut causes = self.children.iter();
        let other = causes.find(|(other, child)| **child == id && **other != cause);
        if let Some((other, _)) = other {
            let text = format!("{id} was sent because of {cause} and because of {other}");
            self.violation(Rule::Children, Some(id), key.as_ref(), text);
        }
    }
}
