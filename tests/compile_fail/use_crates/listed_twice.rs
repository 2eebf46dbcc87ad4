use catga::use_crates;

use_crates!(serde, serde);

fn main() {}
