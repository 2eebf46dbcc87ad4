use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
#[error("busy")]
#[permanent(after = "2s")]
struct Busy;

fn main() {}
