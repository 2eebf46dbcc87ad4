use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
#[error("busy")]
#[transient(max = 0)]
struct Busy;

fn main() {}
