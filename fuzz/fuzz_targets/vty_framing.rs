//! Answers of a vty socket, in whatever pieces they arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perouter_parsers::framing::{TRAILER, Then, front};

/// What a client has read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Received {
    answers: Vec<(Vec<u8>, u8)>,
    /// The text of an answer that has not ended.
    begun: Vec<u8>,
    garbled: bool,
}

/// Reads as our clients do: what is known to be text is not looked at again.
fn receive<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Received {
    let (mut held, mut text) = (Vec::new(), 0);
    let mut received = Received::default();
    for chunk in chunks {
        held.extend_from_slice(chunk);
        loop {
            let seen = front(&held[text..]);
            text += seen.text;
            assert!(!held[..text].contains(&0), "text holds a NUL");
            match seen.then {
                Then::More => break,
                Then::Garbled => {
                    received.garbled = true;
                    received.begun = held[..text].to_vec();
                    return received;
                }
                Then::End(status) => {
                    let rest = held.split_off(text + TRAILER);
                    assert_eq!(held[text..], [0, 0, 0, status]);
                    held.truncate(text);
                    received
                        .answers
                        .push((std::mem::replace(&mut held, rest), status));
                    text = 0;
                }
            }
        }
    }
    held.truncate(text);
    received.begun = held;
    received
}

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let whole = receive([bytes]);
    let pieces = receive(bytes.chunks(usize::from(*size).max(1)));
    assert_eq!(pieces, whole, "it depends on how the bytes arrive");
    let mut sent = Vec::new();
    for (text, status) in &whole.answers {
        sent.extend_from_slice(text);
        sent.extend_from_slice(&[0, 0, 0, *status]);
    }
    sent.extend_from_slice(&whole.begun);
    assert!(bytes.starts_with(&sent), "something was lost or made up");
    let left = &bytes[sent.len()..];
    assert_eq!(
        whole.garbled,
        left.iter().any(|byte| *byte != 0) || left.len() >= TRAILER
    );
});
