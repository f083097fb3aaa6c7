use std::cell::RefCell;
use std::rc::Rc;

use super::*;

#[derive(Clone, Default)]
struct Terminal(Rc<RefCell<Vec<u8>>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn text(terminal: &Terminal) -> String {
    String::from_utf8(terminal.0.borrow().clone()).unwrap()
}

const SMALL: Size = Size {
    rows: 10,
    columns: 60,
};

#[test]
fn the_terminal_is_left_as_it_was() {
    let terminal = Terminal::default();
    let mut screen = Screen::new(terminal.clone(), || SMALL).unwrap();
    screen.draw("one\ntwo\n").unwrap();
    drop(screen);
    let text = text(&terminal);
    // Each mode that is set is reset, in the opposite order.
    let modes = |last: char| {
        let parts = text.split("\x1b[?").skip(1);
        let numbers = parts.filter_map(|part| part.split_once(last));
        numbers
            .filter_map(|(number, _)| number.parse::<u32>().ok())
            .collect::<Vec<_>>()
    };
    assert_eq!(text.matches("\x1b[?1049h").count(), 1);
    assert!(text.ends_with("\x1b[?1049l"), "{text:?}");
    assert_eq!((modes('h').len(), modes('l').len()), (2, 2), "{text:?}");
    assert!(text.contains("\x1b[?25l") && text.contains("\x1b[?25h"));
}

#[test]
fn a_shorter_frame_leaves_nothing_of_a_longer_one() {
    assert_eq!(painted("a\nbb\n", SMALL), "\x1b[Ha\x1b[K\r\nbb\x1b[K\x1b[J");
}

#[test]
fn a_frame_never_scrolls() {
    let long: String = (1..=30).map(|number| format!("line {number}\n")).collect();
    let painted = painted(&long, SMALL);
    assert_eq!(painted.matches("\r\n").count(), 9);
    assert!(painted.contains("line 9\x1b"), "{painted:?}");
    assert!(!painted.contains("line 10"), "{painted:?}");
    assert!(painted.contains("21 more lines"), "{painted:?}");
    let fits: String = "x\n".repeat(10);
    assert_eq!(super::painted(&fits, SMALL).matches('x').count(), 10);
}

#[test]
fn a_long_line_is_folded_and_counted_so() {
    let narrow = Size {
        rows: 3,
        columns: 5,
    };
    assert_eq!(
        painted("\x1b[31mabcdef\x1b[0m\ng\n", narrow),
        "\x1b[H\x1b[31mabcd\x1b[K\r\nef\x1b[0m\x1b[K\r\ng\x1b[K\x1b[J"
    );
    assert_eq!(
        painted("abcdefghijklm\n", narrow).matches("\r\n").count(),
        2
    );
    assert_eq!(folded("", 4), [""]);
    assert_eq!(folded("abcd", 4), ["abcd"]);
}
