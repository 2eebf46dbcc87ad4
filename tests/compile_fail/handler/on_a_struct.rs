use catga::handler;

#[handler]
struct Place;

fn main() {}
