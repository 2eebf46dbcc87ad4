//! Aligned columns for a terminal.

use std::fmt;

/// Rows of text under a heading: the first column to the left, numbers to the right.
///
/// # Examples
///
/// ```
/// use catga_benches::Table;
///
/// let mut table = Table::new(["what", "ns"]);
/// table.row(["direct call", "4.1"]);
/// table.row(["send", "12.0"]);
/// assert_eq!(
///     table.to_string(),
///     "what           ns\n\
///      -----------  ----\n\
///      direct call   4.1\n\
///      send         12.0\n"
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// An empty table with these column names.
    #[must_use]
    pub fn new(heading: [&str; COLUMNS]) -> Self {
        Self {
            rows: vec![heading.map(str::to_owned)],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [impl Into<String>; COLUMNS]) {
        self.rows.push(cells.map(Into::into));
    }

    /// How many rows there are, without the heading.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() - 1
    }

    /// Whether there is no row but the heading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn width(&self, column: usize) -> usize {
        self.rows
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| self.width(column));
        for (index, row) in self.rows.iter().enumerate() {
            write_row(f, row, &widths)?;
            if index == 0 {
                write_row(f, &widths.map(|width| "-".repeat(width)), &widths)?;
            }
        }
        Ok(())
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, row: &[String], widths: &[usize]) -> fmt::Result {
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        if column == 0 {
            write!(f, "{cell:<width$}")?;
        } else {
            write!(f, "  {cell:>width$}")?;
        }
    }
    writeln!(f)
}
