use catga_benches::{Figure, Table};

pub(crate) fn add_rows(table: &mut Table<5>, figures: &[Figure]) {
    for figure in figures {
        table.row([
            figure.name.clone(),
            format!("{:.1}", figure.nanoseconds),
            format!("{:.2}", figure.ratio()),
            format!("{:.1}", figure.difference()),
            format!("{:.2}", figure.allocations),
        ]);
    }
}

/// The row of that name, which must be there.
pub(crate) fn find<'a>(figures: &'a [Figure], name: &str) -> &'a Figure {
    figures
        .iter()
        .find(|figure| figure.name == name)
        .expect("a contestant of that name")
}
