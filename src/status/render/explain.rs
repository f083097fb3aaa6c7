//! What checks mean, as people read it.

use super::{Cell, Colour, Mark, Table, line};
use crate::verify::{Check, Explanation};

/// How wide a line of prose may be.
const WIDTH: usize = 80;

/// All checks, one a line.
#[must_use]
pub fn all(colour: Colour) -> String {
    let mut table = Table::new("Checks", &["CHECK", "MEANING"]);
    for check in Check::ALL {
        table.row([Cell::plain(check), Cell::plain(check.meaning())]);
    }
    let mut out = String::new();
    table.print(colour, &mut out);
    line(
        &mut out,
        "\n`perouter explain CHECK` says what one means, and how to mend it.",
    );
    out.trim_start().to_owned()
}

/// One check in full.
#[must_use]
pub fn one(check: Check, colour: Colour) -> String {
    let Explanation {
        broken,
        causes,
        mend,
        look,
    } = check.explanation();
    let mut out = String::new();
    let name = Cell::marked(check, Mark::Head).painted(colour);
    line(&mut out, &format!("{name}: {}", check.meaning()));
    title("What is broken when it fails", colour, &mut out);
    wrapped("  ", "  ", broken, &mut out);
    title("Usual causes, the likeliest first", colour, &mut out);
    for cause in causes {
        wrapped("  - ", "    ", cause, &mut out);
    }
    title("How to mend it, in this order", colour, &mut out);
    for (number, step) in (1..).zip(mend) {
        wrapped(&format!("  {number}. "), "     ", step, &mut out);
    }
    title("Commands to look with", colour, &mut out);
    for command in look {
        line(&mut out, &format!("  {command}"));
    }
    let note = "`ip` and `bridge` look where they run: put `ip netns exec perouter` before them \
                for the router's side. `vtysh` is to ask the router's FRR: where that runs beside one of \
                the node's own it is `vtysh -N perouter`, and in a pod or container it is there. For \
                IPv6 say `ipv6` where `ip` or `ipv4` stands, and `ipv6 unicast prefix` for `prefix`. \
                Capitals stand for what the finding names.";
    out.push('\n');
    wrapped("  ", "  ", note, &mut out);
    out
}

fn title(text: &str, colour: Colour, out: &mut String) {
    let text = Cell::marked(text, Mark::Head).painted(colour);
    line(out, &format!("\n{text}"));
}

/// Prose in lines that fit: `first` stands before the first of them, `rest` before the others.
fn wrapped(first: &str, rest: &str, text: &str, out: &mut String) {
    let mut current = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let width = current.chars().count() + word.chars().count() + 1;
        if width > WIDTH && !is_empty {
            line(out, &current);
            current = rest.to_owned();
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    line(out, &current);
}
