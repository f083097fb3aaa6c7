use super::*;
use crate::netlink::Change;
use crate::plan::link::{Mac, Space};

fn bridges(names: &[&str]) -> BTreeSet<InterfaceName> {
    names
        .iter()
        .map(|name| name.parse().expect("a name"))
        .collect()
}

/// A workload's entry that is due.
fn stale(ip: &str) -> SeenNeighbour {
    SeenNeighbour {
        ip: ip.parse().expect("an address"),
        mac: Some(Mac([2, 0, 0, 0, 0, 1])),
        index: 7,
        link: Some("br-pe-110".parse().expect("a name")),
        state: NeighbourState::STALE,
        origin: Origin::Local,
    }
}

fn is_due_here(entry: &SeenNeighbour) -> bool {
    is_due(entry, &bridges(&["br-pe-110", "br-pe-120"]))
}

#[test]
fn a_stale_entry_of_a_local_workload_is_due() {
    assert!(is_due_here(&stale("10.20.0.11")));
    assert!(is_due_here(&stale("fd00:20::11")));
}

#[test]
fn no_other_state_is_due() {
    // Incomplete, reachable, delay, probe, failed, no-ARP, permanent; none at all.
    for state in [0x01, 0x02, 0x08, 0x10, 0x20, 0x40, 0x80, 0] {
        let entry = SeenNeighbour {
            state: NeighbourState(state),
            ..stale("10.20.0.11")
        };
        assert!(!is_due_here(&entry), "{state:#x}");
    }
}

#[test]
fn a_remote_workload_is_not_due() {
    let entry = SeenNeighbour {
        origin: Origin::ExternLearn,
        ..stale("10.20.0.11")
    };
    assert!(!is_due_here(&entry));
}

#[test]
fn an_entry_without_a_mac_is_not_due() {
    let entry = SeenNeighbour {
        mac: None,
        ..stale("10.20.0.11")
    };
    assert!(!is_due_here(&entry));
}

#[test]
fn link_local_addresses_are_not_due() {
    assert!(!is_due_here(&stale("fe80::11")));
    assert!(!is_due_here(&stale("169.254.1.1")));
}

#[test]
fn entries_of_other_links_are_not_due() {
    let on = |link: Option<&str>| SeenNeighbour {
        link: link.map(|name| name.parse().expect("a name")),
        ..stale("10.20.0.11")
    };
    assert!(is_due_here(&on(Some("br-pe-120"))));
    assert!(!is_due_here(&on(Some("eth1"))));
    assert!(!is_due_here(&on(None)));
}

#[test]
fn every_due_entry_has_one_probe_and_the_others_none() {
    let remote = SeenNeighbour {
        origin: Origin::ExternLearn,
        ..stale("10.20.0.12")
    };
    // What changed during a dump may be told twice.
    let seen = [stale("10.20.0.11"), remote, stale("10.20.0.11")];
    let round = choose(&seen, &bridges(&["br-pe-110"]), None);
    let ip = "10.20.0.11".parse().expect("an address");
    assert_eq!(round.probes, [Probe { index: 7, ip }]);
    assert_eq!(round.rest, Rest::None);
}

/// As many due entries, in order.
fn many(count: u8) -> Vec<SeenNeighbour> {
    (0..5)
        .flat_map(|net| (0..count).map(move |host| stale(&format!("10.20.{net}.{host}"))))
        .collect()
}

#[test]
fn a_round_is_bounded_and_the_next_goes_on_after_it() {
    let (seen, ours) = (many(100), bridges(&["br-pe-110"]));
    let first = choose(&seen, &ours, None);
    assert_eq!((first.probes.len(), first.rest), (MOST, Rest::More));
    let second = choose(&seen, &ours, first.probes.last().copied());
    assert_eq!(second.probes.len(), MOST);
    let both: BTreeSet<_> = first.probes.iter().chain(&second.probes).collect();
    assert_eq!(both.len(), seen.len(), "all have had their turn");
}

#[test]
fn an_end_that_was_passed_begins_anew() {
    let (seen, ours) = (many(2), bridges(&["br-pe-110"]));
    let last = choose(&seen, &ours, None).probes.last().copied();
    let again = choose(&seen, &ours, last);
    assert_eq!((again.probes.len(), again.rest), (10, Rest::None));
}

#[test]
fn only_an_entry_that_is_due_or_a_loss_asks_for_a_round() {
    let (ours, space) = (bridges(&["br-pe-110"]), Space::Router);
    let asks = |event: &KernelEvent| asks_for_a_round(event, &ours);
    let told = |entry| KernelEvent::Neighbour { space, entry };
    assert!(asks(&told(stale("10.20.0.11"))));
    assert!(asks(&KernelEvent::Overrun { space }));

    let answered = SeenNeighbour {
        state: NeighbourState::REACHABLE,
        ..stale("10.20.0.11")
    };
    assert!(!asks(&told(answered)));
    let link = KernelEvent::Link {
        space,
        index: 7,
        name: None,
        change: Change::Changed,
    };
    assert!(!asks(&link));
}

#[test]
fn rounds_come_by_the_clock_or_soon_after_an_event() {
    let (pace, start) = (Pace::default(), Instant::now());
    let mut schedule = Schedule::new(pace, start);
    assert_eq!(schedule.next(), start + pace.interval);

    let event = start + Duration::from_secs(10);
    schedule.hasten(event);
    assert_eq!(schedule.next(), event + pace.settle);
    // Whatever else is heard until then does not put it off.
    schedule.hasten(event + Duration::from_millis(500));
    assert_eq!(schedule.next(), event + pace.settle);

    let end = event + pace.settle;
    schedule.done(end, Rest::None);
    assert_eq!(schedule.next(), end + pace.interval);
    // An event just before the clock does not put the round off either.
    schedule.hasten(end + pace.interval);
    assert_eq!(schedule.next(), end + pace.interval);

    schedule.done(end, Rest::More);
    assert_eq!(schedule.next(), end + pace.settle);
}
