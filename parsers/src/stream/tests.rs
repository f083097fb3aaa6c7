//! The walk: windows, escapes, readers that fail, and what is no JSON.

use super::*;
use crate::evpn::{Type5Route, type5, type5_from};

const CAPTURE: &[u8] =
    include_bytes!("../../captures/frr-10.3/show-bgp-l2vpn-evpn-route-type-5.json");

/// Gives a few bytes at a time, and is interrupted before each of them.
struct Trickle<'a> {
    rest: &'a [u8],
    step: usize,
    interrupt: bool,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = self.step.min(buffer.len()).min(self.rest.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

fn collect(read: impl FnOnce(&mut Vec<Type5Route>) -> Result<Streamed, Error>) -> Vec<Type5Route> {
    let mut routes = Vec::new();
    assert_eq!(read(&mut routes).unwrap(), Streamed::Complete);
    routes
}

/// A window that brings in one byte at a time, so that every boundary occurs.
struct ByteByByte<'a> {
    all: &'a [u8],
    from: usize,
    to: usize,
}

impl Window for ByteByByte<'_> {
    fn bytes(&self) -> &[u8] {
        &self.all[self.from..self.to]
    }

    fn consume(&mut self, count: usize) {
        self.from += count;
    }

    fn more(&mut self) -> io::Result<bool> {
        let more = self.to < self.all.len();
        self.to += usize::from(more);
        Ok(more)
    }
}

/// Adds up the numbers of all members.
#[derive(Default)]
struct Sum(Vec<(String, u64)>);

impl Object for Sum {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        match walker.key() {
            "skipped" => walker.skip(),
            _ => {
                let number = walker.value()?;
                self.0.push((walker.key().to_owned(), number));
                Ok(())
            }
        }
    }
}

#[test]
fn a_value_at_the_edge_of_the_window_is_read_whole() {
    let text = br#" { "a" : 123 , "skipped": 456, "b\n\u0041": 7890,"c":1} "#;
    let mut sum = Sum::default();
    let window = ByteByByte {
        all: text,
        from: 0,
        to: 0,
    };
    assert_eq!(walk("test", window, &mut sum).unwrap(), Streamed::Complete);
    let expected = [("a", 123), ("b\nA", 7890), ("c", 1)];
    assert_eq!(
        sum.0,
        expected.map(|(key, number)| (key.to_owned(), number))
    );
}

/// Once, only as many as the window held.
/// Serde_json takes half a number that nobody wants for a wrong one: such answers were refused.
#[test]
fn a_number_that_is_passed_over_may_stand_at_the_edge_of_the_window() {
    for number in ["-1", "1.5", "-0.5e-10", "1E+7", "[-1,\n-2.5]"] {
        let text = format!("{{\"skipped\":{number},\n\"a\":7}}");
        let mut sum = Sum::default();
        let window = ByteByByte {
            all: text.as_bytes(),
            from: 0,
            to: 0,
        };
        let streamed = walk("test", window, &mut sum).unwrap();
        assert_eq!(streamed, Streamed::Complete, "{number}");
        assert_eq!(sum.0, [("a".to_owned(), 7)], "{number}");
    }
    for wrong in ["-", "-x", "1.", "1.}", "1e", "1e+ "] {
        let text = format!("{{\"skipped\":{wrong}");
        let result = reader("test", text.as_bytes(), &mut Sum::default());
        assert!(result.is_err(), "{wrong}");
    }
}

#[test]
fn words_in_place_of_data_are_read_to_their_end() {
    let text = b"  bgpd is not running\n";
    let window = ByteByByte {
        all: text,
        from: 0,
        to: 0,
    };
    let error = walk("test", window, &mut Sum::default()).unwrap_err();
    assert_eq!(error.to_string(), "test: FRR answered: bgpd is not running");
}

#[test]
fn how_the_reader_delivers_does_not_matter() {
    let whole = collect(|routes| {
        type5(CAPTURE, |route| {
            routes.push(route);
            ControlFlow::Continue(())
        })
    });
    assert_eq!(whole.len(), 10);
    for step in [1, 7, 100, 4096] {
        let trickled = collect(|routes| {
            type5_from(
                Trickle {
                    rest: CAPTURE,
                    step,
                    interrupt: false,
                },
                |route| {
                    routes.push(route);
                    ControlFlow::Continue(())
                },
            )
        });
        assert_eq!(trickled, whole);
    }
}

#[test]
fn a_failing_reader_is_no_end() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let answer = CAPTURE[..2000].chain(Failing);
    let error = type5_from(answer, |_| ControlFlow::Continue(())).unwrap_err();
    let Error::Read { source, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn what_is_no_object_is_refused() {
    let wrong = [
        "{",
        "{,",
        "{\"",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}}",
        "{\"a\":1}{",
        "{,,\"a\":1}",
        "{\"a\\\":1}",
        "{\"a\":-1}",
        "[]",
        "null",
        "{\"\u{fffd}",
        "{\"a\":1x}",
        "{\"a\u{1}\":1}",
    ];
    for text in wrong {
        let result = slice("test", text.as_bytes(), &mut Sum::default());
        assert!(result.is_err(), "{text}");
        let result = reader("test", text.as_bytes(), &mut Sum::default());
        assert!(result.is_err(), "{text}");
    }
    assert!(slice("test", b"{\"\xff\":1}", &mut Sum::default()).is_err());
    for empty in ["", " \n", "{}", " { , } "] {
        assert!(
            slice("test", empty.as_bytes(), &mut Sum::default()).is_ok(),
            "{empty}"
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None, ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn no_change_of_a_byte_panics(place in 0..CAPTURE.len(), byte: u8) {
        let mut answer = CAPTURE.to_vec();
        answer[place] = byte;
        let _ = type5(&answer, |_| ControlFlow::Continue(()));
        let _ = type5_from(answer.as_slice(), |_| ControlFlow::Continue(()));
    }

    #[test]
    fn no_text_panics(text in "[{},:\\[\\]\"a1 5.\\\\]{0,40}") {
        let _ = type5(text.as_bytes(), |_| ControlFlow::Continue(()));
        let _ = crate::bgp::summary(text.as_bytes());
        let _ = crate::evpn::vni_details(text.as_bytes());
        let _ = crate::evpn::bgp_vnis(text.as_bytes());
    }
}
