//! A table with aligned columns: words to the left, numbers to the right.

use std::fmt;

/// Columns, by their place, that hold numbers.
const NUMBERS: [usize; 4] = [1, 2, 3, 5];

/// A table of rows of the same length.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with its heading.
    pub(crate) fn new(heading: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Self {
        let heading = heading.map(str::to_owned);
        Self {
            rows: std::iter::once(heading).chain(rows).collect(),
        }
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                if NUMBERS.contains(&column) {
                    line.push_str(&format!("{cell:>width$}  "));
                } else {
                    line.push_str(&format!("{cell:<width$}  "));
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
