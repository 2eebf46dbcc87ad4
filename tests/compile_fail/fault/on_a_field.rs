use catga::Fault;

#[derive(Debug, thiserror::Error, Fault)]
enum OrderError {
    #[error("{sku} is sold out")]
    SoldOut {
        #[permanent]
        sku: String,
    },
}

fn main() {}
