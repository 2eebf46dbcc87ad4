use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
#[error("sold out")]
struct SoldOut<T: std::fmt::Debug>(T);

fn main() {}
