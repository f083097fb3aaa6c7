//! A reader says what a parser says, whatever it has read before.

use proptest::{collection::vec, prelude::*};

use super::*;

const BGPD: &str = include_str!("../../../captures/frr-10.3/bgpd-show-running-config.txt");

fn parsed(text: &str) -> Result<RunningConfig, ParseError> {
    text.parse()
}

fn instance(number: usize) -> String {
    format!(
        "router bgp 64514 vrf vrf{number}\n bgp router-id 10.0.0.{number}\n !\n \
         address-family ipv4 unicast\n  network 10.1.{number}.0/24\n exit-address-family\nexit\n!\n"
    )
}

fn text(numbers: impl IntoIterator<Item = usize>) -> String {
    let heading = "\nCurrent configuration:\n!\nfrr version 10.3\nhostname lab\n!\n";
    let instances = numbers.into_iter().map(instance);
    std::iter::once(heading.to_owned())
        .chain(instances)
        .collect()
}

#[test]
fn only_what_is_new_is_parsed() {
    let mut reader = Reader::new();
    let before = reader.read(&text(0..10)).unwrap();
    for changed in [
        text(0..11),
        text((0..4).chain(5..10)),
        text((0..4).chain([11]).chain(4..10)),
        text([]),
        text(0..10),
    ] {
        assert_eq!(reader.read(&changed), parsed(&changed));
    }
    let after = reader.read(&text(0..10)).unwrap();
    assert_eq!(after, before);
    // The same content, not one like it: nothing was parsed again.
    let again = reader.read(&text((0..4).chain([11]).chain(4..10))).unwrap();
    let place = |running: &RunningConfig, header: &str| {
        std::ptr::from_ref(running.config.context(header).unwrap())
    };
    for number in 0..10 {
        let header = format!("router bgp 64514 vrf vrf{number}");
        assert_eq!(place(&again, &header), place(&after, &header), "{header}");
    }
}

#[test]
fn a_real_answer_is_read_whole_and_changed() {
    let mut reader = Reader::new();
    assert_eq!(reader.read(BGPD), parsed(BGPD));
    assert_eq!(reader.read(BGPD), parsed(BGPD));
    let changed = BGPD.replace("router-id", "cluster-id");
    assert_ne!(changed, BGPD);
    assert_eq!(reader.read(&changed), parsed(&changed));
}

#[test]
fn an_error_names_its_line_in_the_whole_text_and_forgets_nothing() {
    let mut reader = Reader::new();
    let good = text(0..3);
    reader.read(&good).unwrap();
    let bad = format!("{good}% no such thing\n");
    let error = reader.read(&bad).unwrap_err();
    assert_eq!(parsed(&bad), Err(error.clone()));
    assert!(error.to_string().starts_with("line 31"), "{error}");
    assert_eq!(reader.read(&good), parsed(&good));
}

/// Pieces as FRR prints them, and pieces that would lead a careless reader astray.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0_usize..6).prop_map(instance),
        2 => prop::sample::select(vec![
            "!\n", "exit\n!\n", "end\n", "vrf red\n", "vrf red\n!\n", " vni 100\n", "\nexit\n!\n",
            "hostname a\n", "frr version 10.4\n", "Building configuration...\n", "vrf red\nexit-vrf\n!\n",
            "ip route 10.0.0.0/8 blackhole\n", "route-map a permit 1\nexit\n!\n", "% Unknown\n",
            "exit\n", " exit\n!\n", "exit\r\n!\r\n", "bfd\n profile a\n exit\n !\nexit\n!\n",
        ]).prop_map(str::to_owned),
        1 => "([ !]{0,3}(exit|end|vrf a|b c|router bgp 1|%|\\PC{0,8})\n){0,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reader_says_what_a_parser_says(texts in vec(vec(piece(), 0..8), 1..5)) {
        let mut reader = Reader::new();
        for pieces in texts {
            let text = pieces.concat();
            prop_assert_eq!(reader.read(&text), parsed(&text), "{:?}", text);
        }
    }
}
