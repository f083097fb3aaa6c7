//! Routes hop by hop, as people read them.

use super::{Cell, Colour, Mark, explain_hint, line};
use crate::status::protocol::WalkReport;
use crate::verify::Check;
use crate::verify::walk::{Direction, Hop, RouteWalk, Stage, State, Verdict, VniWalk};

/// How good and bad are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// By signs that need UTF-8.
    Unicode,
    /// By words.
    Ascii,
}

/// Up to how many routes are shown with all their hops; of more, whole ones take a line each.
const SHOWN_IN_FULL: usize = 8;

/// Where routes end, for people. The first line is the verdict.
#[must_use]
pub fn walk(report: &WalkReport, colour: Colour, signs: Signs) -> String {
    let walk = &report.walk;
    let target = walk.target;
    let verdict = match walk.verdict() {
        Verdict::Whole => Cell::marked(format!("Whole: {target}"), Mark::Good),
        Verdict::Broken => Cell::marked(format!("Broken: {target}"), Mark::Bad),
        Verdict::NoRoute => Cell::marked(format!("No route: {target}"), Mark::Bad),
    };
    let mut out = String::new();
    line(&mut out, &verdict.painted(colour));
    line(
        &mut out,
        &format!(
            "node {}, read and followed in {} ms at {}",
            report.node, report.took_ms, report.at
        ),
    );
    let page = Page { colour, signs };
    let routes: usize = walk.vnis.iter().map(|vni| vni.routes.len()).sum();
    for vni in &walk.vnis {
        page.vni(vni, routes <= SHOWN_IN_FULL, &mut out);
    }
    for note in &walk.notes {
        line(&mut out, &Cell::plain(note).text);
    }
    let of_vni = |vni: &VniWalk| {
        let hops = vni.hops.iter();
        let of_routes = vni.routes.iter().flat_map(|route| &route.hops);
        first_broken(hops.chain(of_routes))
    };
    if let Some(check) = walk.vnis.iter().find_map(of_vni) {
        out.push_str(&explain_hint(check));
    }
    out
}

fn first_broken<'a>(mut hops: impl Iterator<Item = &'a Hop>) -> Option<Check> {
    hops.find(|hop| matches!(hop.state, State::Broken { .. }))
        .map(|hop| hop.check)
}

/// How it is printed.
#[derive(Clone, Copy)]
struct Page {
    colour: Colour,
    signs: Signs,
}

impl Page {
    fn vni(self, vni: &VniWalk, in_full: bool, out: &mut String) {
        let head = format!("{}: {}", vni.object, vni.names());
        let head = Cell::marked(head, Mark::Head).painted(self.colour);
        line(out, &format!("\n{head}"));
        self.hops(&vni.hops, "  ", out);
        for route in &vni.routes {
            self.route(route, in_full, out);
        }
        for (more, what) in [(vni.more_broken, "broken"), (vni.more_whole, "whole")] {
            if more > 0 {
                line(out, &format!("  and {more} more routes, {what}"));
            }
        }
        if vni.routes.is_empty() && vni.has_routes() && vni.hops.iter().all(Hop::is_whole) {
            line(out, "  no routes");
        }
    }

    fn route(self, route: &RouteWalk, in_full: bool, out: &mut String) {
        let way = match route.direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        let name = format!("{} {way}", route.prefix);
        if !in_full && route.is_whole() {
            let sign = self.sign(&State::Whole).painted(self.colour);
            let hops = route.hops.len();
            line(out, &format!("  {sign} {name}, {hops} hops"));
            return;
        }
        let name = Cell::marked(name, Mark::Head).painted(self.colour);
        line(out, &format!("  {name}"));
        self.hops(&route.hops, "    ", out);
    }

    fn hops(self, hops: &[Hop], indent: &str, out: &mut String) {
        const WIDTH: usize = "VRF BGP table".len();
        for Hop {
            stage,
            check: _,
            seen,
            state,
        } in hops
        {
            let sign = self.sign(state).painted(self.colour);
            let label = Stage::label(*stage);
            let told = match state {
                State::Whole => seen.clone(),
                State::Broken { expected, hint } if hint.is_empty() => {
                    format!("expected {expected}; seen: {seen}")
                }
                State::Broken { expected, hint } => {
                    format!("expected {expected}; seen: {seen}; {hint}")
                }
                State::Unknown { waiting_for } => format!("waiting for {waiting_for}"),
            };
            let told = Cell::plain(told).text;
            let text = format!("{indent}{sign} {label:WIDTH$}  {told}");
            line(out, text.trim_end());
        }
    }

    fn sign(self, state: &State) -> Cell {
        let (unicode, ascii, mark) = match state {
            State::Whole => ("\u{2713}", "ok ", Mark::Good),
            State::Broken { .. } => ("\u{2717}", "BAD", Mark::Bad),
            State::Unknown { .. } => ("?", "?  ", Mark::Unsure),
        };
        Cell::marked(
            match self.signs {
                Signs::Unicode => unicode,
                Signs::Ascii => ascii,
            },
            mark,
        )
    }
}
