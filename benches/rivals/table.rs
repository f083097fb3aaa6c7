//! A table with aligned columns: words to the left, numbers to the right.

use std::fmt;

/// Columns of the table of results, by their place, that hold numbers.
const NUMBERS: [usize; 6] = [1, 2, 3, 5, 6, 7];

/// A table of rows of the same length.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    numbers: &'static [usize],
}

impl<const N: usize> Table<N> {
    /// A table with its heading.
    pub(crate) fn new(heading: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Self {
        let heading = heading.map(str::to_owned);
        Self {
            rows: std::iter::once(heading).chain(rows).collect(),
            numbers: &NUMBERS,
        }
    }

    /// A table of words alone, with its heading.
    pub(crate) fn words(heading: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Self {
        Self {
            numbers: &[],
            ..Self::new(heading, rows)
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
                if self.numbers.contains(&column) {
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
