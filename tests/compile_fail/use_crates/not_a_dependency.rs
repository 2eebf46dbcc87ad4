use catga::use_crates;

use_crates!(ordres);

fn main() {}
