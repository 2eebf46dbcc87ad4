//! medi-rs: a mediator that is generated at compile time.

use medi_rs::{MediCommand, medi_handler, medi_module, mediator};

use crate::overflow::Overflow;

#[derive(MediCommand)]
#[medi_command(return_type = u64, error_type = Overflow)]
pub(crate) struct AddMediated {
    pub(crate) a: u64,
    pub(crate) b: u64,
}

#[medi_handler]
async fn add_mediated(message: AddMediated) -> Result<u64, Overflow> {
    message.a.checked_add(message.b).ok_or(Overflow)
}

medi_module! {
    manifest adding;
    commands { AddMediated => add_mediated; }
}

mediator! {
    pub(crate) struct Mediator {
        event_queue_capacity: 1;
        event_workers: 1;
        modules: [adding];
    }
}
