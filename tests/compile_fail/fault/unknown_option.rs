use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
#[error("busy")]
#[transient(before = "2s")]
struct Busy;

fn main() {}
