//! Splits a command line into words, as a shell does, without running a shell.

#[cfg(test)]
mod tests;

/// Why a command line cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quotation mark has no partner.
    #[error("a quotation mark is not closed")]
    OpenQuote,
    /// The line ends in a backslash.
    #[error("the line ends in a backslash")]
    TrailingBackslash,
}

/// Splits `line` at white space; quotation marks and backslashes work as in a POSIX shell,
/// and nothing is expanded.
///
/// # Errors
/// When a quotation mark or a backslash has no end.
pub fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or(WordsError::OpenQuote)? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => double_quoted(&mut characters, word.get_or_insert_default())?,
            '\\' => {
                let escaped = characters.next().ok_or(WordsError::TrailingBackslash)?;
                word.get_or_insert_default().push(escaped);
            }
            blank if blank.is_whitespace() => words.extend(word.take()),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Within double quotation marks a backslash is special only before `"`, `\`, `$` and `` ` ``.
fn double_quoted(
    characters: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), WordsError> {
    loop {
        match characters.next().ok_or(WordsError::OpenQuote)? {
            '"' => return Ok(()),
            '\\' => {
                let escaped = characters.next().ok_or(WordsError::OpenQuote)?;
                if !matches!(escaped, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(escaped);
            }
            inner => word.push(inner),
        }
    }
}
