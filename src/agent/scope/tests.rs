use super::*;
use crate::verify::tests::fixture;

fn places(places: &[Place]) -> Places {
    Places::Some(places.iter().copied().collect())
}

fn only_red() -> Scope {
    Scope::Vrfs([fixture::red()].into())
}

#[test]
fn what_changed_is_told_by_the_vrf_that_it_is_in() {
    let mut intent = fixture::intent();
    intent.segments.clear();
    let kernel = fixture::facts().kernel.unwrap();
    let table = match kernel.router[&InterfaceName::from(fixture::red())].kind {
        SeenKind::Vrf { table } => table,
        SeenKind::Bridge
        | SeenKind::Vxlan { .. }
        | SeenKind::Veth { .. }
        | SeenKind::Other { .. } => panic!("red is a VRF"),
    };
    let of = |all: &Places| Scope::of_places(&intent, Some(&kernel), all);
    for place in [
        Place::Table(table),
        Place::Link(fixture::SVI),
        Place::Link(fixture::VXLAN),
        Place::Link(fixture::VETH),
    ] {
        assert_eq!(of(&places(&[place])), only_red(), "{place:?}");
    }
    assert_eq!(of(&places(&[])), Scope::default());
    for elsewhere in [
        // The main table is the underlay's.
        Place::Table(254),
        Place::Table(4711),
        Place::Link(4711),
        Place::Link(fixture::LAN_BRIDGE),
    ] {
        let both = places(&[Place::Table(table), elsewhere]);
        assert_eq!(of(&both), Scope::All, "{elsewhere:?}");
    }
    assert_eq!(of(&Places::All), Scope::All);
    let unseen = Scope::of_places(&intent, None, &places(&[Place::Table(table)]));
    assert_eq!(unseen, Scope::All);
}

#[test]
fn a_vrf_that_a_segment_depends_on_is_not_looked_at_alone() {
    let kernel = fixture::facts().kernel.unwrap();
    let svi = places(&[Place::Link(fixture::SVI)]);
    let scope = Scope::of_places(&fixture::intent(), Some(&kernel), &svi);
    assert_eq!(scope, Scope::All);
}

#[test]
fn of_many_vrfs_everything_is_cheaper() {
    let mut scope = Scope::default();
    for number in 0..MOST {
        let vrf = format!("vrf{number}").parse().unwrap();
        scope.add(Scope::Vrfs([vrf].into()));
    }
    assert_ne!(scope, Scope::All);
    scope.add(only_red());
    assert_eq!(scope, Scope::All);
    scope.add(only_red());
    assert_eq!(scope, Scope::All);
}

#[test]
fn trouble_is_told_by_its_vrf_where_all_of_it_is_in_vrfs() {
    let mut intent = fixture::intent();
    intent.segments.clear();
    let mut facts = fixture::facts();
    let findings = crate::verify::verify(&intent, &facts);
    assert_eq!(Scope::of_trouble(&intent, &findings), Scope::default());
    facts.vrfs.get_mut(&fixture::red()).unwrap().table = Ok(Vec::new());
    let findings = crate::verify::verify(&intent, &facts);
    assert_eq!(Scope::of_trouble(&intent, &findings), only_red());
    facts.underlay.table = Ok(Vec::new());
    let findings = crate::verify::verify(&intent, &facts);
    assert_eq!(Scope::of_trouble(&intent, &findings), Scope::All);
}
