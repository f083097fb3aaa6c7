use super::{WordsError, split};

#[test]
fn splits_as_a_shell_does() {
    for (line, words) in [
        ("", vec![]),
        ("  ip   addr\tadd ", vec!["ip", "addr", "add"]),
        (r#"sh -c "echo 'a b'""#, vec!["sh", "-c", "echo 'a b'"]),
        (r"sh -c 'a \ b'", vec!["sh", "-c", r"a \ b"]),
        (r#"a\ b "c\"d" "e\f""#, vec!["a b", "c\"d", r"e\f"]),
        ("'' x\"\"y", vec!["", "xy"]),
    ] {
        assert_eq!(split(line).unwrap(), words, "{line}");
    }
}

#[test]
fn refuses_what_has_no_end() {
    assert_eq!(split("a 'b"), Err(WordsError::OpenQuote));
    assert_eq!(split("a \"b"), Err(WordsError::OpenQuote));
    assert_eq!(split("a \\"), Err(WordsError::TrailingBackslash));
}
