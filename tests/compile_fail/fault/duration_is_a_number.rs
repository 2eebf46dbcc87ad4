use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
#[error("busy")]
#[transient(after = 2)]
struct Busy;

fn main() {}
