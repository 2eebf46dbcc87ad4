use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
#[permanent]
enum OrderError {
    #[error("sold out")]
    SoldOut,
}

fn main() {}
