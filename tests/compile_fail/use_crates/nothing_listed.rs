use catga::use_crates;

use_crates!();

fn main() {}
