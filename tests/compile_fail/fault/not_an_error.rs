use catga::Fault;

#[derive(Debug, Fault)]
enum OrderError {
    #[permanent]
    SoldOut,
}

fn main() {}
