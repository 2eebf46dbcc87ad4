use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
enum OrderError {
    #[error("sold out")]
    #[permanent]
    #[transient]
    SoldOut,
}

fn main() {}
