//! Whole answers, halves of them, several at once, and what is none.

use proptest::{collection::vec, prelude::*};

use super::{Front, TRAILER, Then, front};

/// An answer as a daemon sends it.
fn sent(text: &[u8], status: u8) -> Vec<u8> {
    [text, &[0, 0, 0, status]].concat()
}

/// Reads answers as a client does, from bytes that arrive in chunks. `None` when they are
/// garbled; a text without its end is left out.
fn receive<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<(Vec<u8>, u8)>> {
    let (mut held, mut text, mut answers) = (Vec::new(), 0, Vec::new());
    for chunk in chunks {
        held.extend_from_slice(chunk);
        loop {
            let seen = front(&held[text..]);
            text += seen.text;
            match seen.then {
                Then::More => break,
                Then::Garbled => return None,
                Then::End(status) => {
                    let rest = held.split_off(text + TRAILER);
                    held.truncate(text);
                    answers.push((std::mem::replace(&mut held, rest), status));
                    text = 0;
                }
            }
        }
    }
    Some(answers)
}

#[test]
fn an_answer_ends_with_its_status() {
    for status in [0, 1, 13, 255] {
        let end = Then::End(status);
        let bytes = sent(b"hello\n", status);
        assert_eq!(front(&bytes), Front { text: 6, then: end });
        assert_eq!(front(&bytes[6..]), Front { text: 0, then: end });
    }
}

#[test]
fn without_its_status_more_must_come() {
    let bytes = sent(b"hi", 0);
    for length in 0..bytes.len() {
        let seen = front(&bytes[..length]);
        assert_eq!(seen.text, length.min(2), "{length} bytes");
        assert_eq!(seen.then, Then::More, "{length} bytes");
    }
}

#[test]
fn a_nul_in_the_text_is_no_answer() {
    for bytes in [&b"a\0b"[..], b"a\0\0b", b"\0b\0\0\0\0"] {
        assert_eq!(front(bytes).then, Then::Garbled, "{bytes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_answers_arrive_does_not_matter(
        answers in vec((vec(1_u8.., 0..20), any::<u8>()), 0..5),
        step in 1_usize..30,
    ) {
        let bytes: Vec<u8> = answers.iter().flat_map(|(text, status)| sent(text, *status)).collect();
        prop_assert_eq!(receive(bytes.chunks(step)), Some(answers.clone()));
        prop_assert_eq!(receive([bytes.as_slice()]), Some(answers));
    }
}
