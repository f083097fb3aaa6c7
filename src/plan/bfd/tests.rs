//! Profiles as bfdd prints them, and the changes between those that it has and those wanted.

use super::*;
use crate::api::{Neighbor, RemoteAs, Underlay};
use crate::intent::samples::{fabric, intent, neighbor, underlay};

fn seen(text: &str) -> BTreeMap<String, SeenProfile> {
    let config: Config = text.parse().expect("a configuration");
    match SeenBfd::of(&config) {
        SeenBfd::Profiles(profiles) => profiles,
        SeenBfd::NotRunning => panic!("it printed something"),
    }
}

fn fast() -> BfdProfile {
    BfdProfile {
        receive_interval: 150,
        transmit_interval: 200,
        ..BfdProfile::default()
    }
}

fn passive() -> BfdProfile {
    BfdProfile {
        detect_multiplier: 5,
        mode: BfdMode::Passive,
        minimum_ttl: 250,
        ..BfdProfile::default()
    }
}

fn named<T>(all: impl IntoIterator<Item = (&'static str, T)>) -> BTreeMap<String, T> {
    let all = all.into_iter();
    all.map(|(name, own)| (name.to_owned(), own)).collect()
}

fn change(before: Option<SeenProfile>, after: Option<BfdProfile>) -> ProfileChange {
    ProfileChange {
        name: "a".to_owned(),
        before,
        after,
    }
}

fn watched(address: &str, bfd: Bfd) -> Neighbor {
    Neighbor {
        bfd: Some(bfd),
        ..neighbor(address, RemoteAs::External)
    }
}

fn with(neighbors: Vec<Neighbor>) -> NodeIntent {
    let spec = Underlay {
        neighbors,
        ..underlay()
    };
    intent([fabric("u", spec)])
}

#[test]
fn a_profile_has_frrs_defaults_where_nothing_is_printed() {
    let text = "bfd\n profile fast\n  transmit-interval 200\n  receive-interval 150\n exit\n !\n \
                profile slow\n  detect-multiplier 5\n  passive-mode\n  minimum-ttl 250\n exit\n \
                profile plain\n exit\n !\nexit\n";
    let ours = SeenProfile::Ours;
    let expected = [
        ("fast", ours(fast())),
        ("slow", ours(passive())),
        ("plain", ours(BfdProfile::default())),
    ];
    assert_eq!(seen(text), named(expected));
}

#[test]
fn a_profile_with_nothing_in_it_is_one_too() {
    let mut config = Config::new();
    let line = perouter_parsers::running_config::Line::new;
    let bfd = config.entry(&line("bfd").expect("a line"));
    bfd.push_line(line("profile plain").expect("a line"));
    bfd.push_line(line("peer 10.0.0.1").expect("a line"));
    let plain = SeenProfile::Ours(BfdProfile::default());
    let expected = SeenBfd::Profiles(named([("plain", plain)]));
    assert_eq!(SeenBfd::of(&config), expected);
}

#[test]
fn a_setting_that_we_never_make_makes_it_anothers_profile() {
    for line in [
        "echo-mode",
        "shutdown",
        "receive-interval",
        "receive-interval fast",
        "detect-multiplier 256",
        "passive-mode now",
    ] {
        let text = format!("bfd\n profile a\n  transmit-interval 200\n  {line}\n exit\nexit\n");
        assert_eq!(seen(&text), named([("a", SeenProfile::Other)]), "{line}");
    }
}

#[test]
fn sessions_that_are_no_profiles_are_not_counted_and_no_context_is_no_profile() {
    let text = "bfd\n peer 10.0.0.1\n  profile a\n exit\nexit\n";
    assert_eq!(seen(text), BTreeMap::new());
    assert_eq!(seen("log syslog\n"), BTreeMap::new());
}

#[test]
fn what_frr_does_anyway_needs_no_profile() {
    let peer = Peer::Address("10.0.1.1".parse().expect("an address"));
    let said = Bfd {
        receive_interval: Some(300),
        transmit_interval: Some(300),
        detect_multiplier: Some(3),
        mode: BfdMode::Active,
        minimum_ttl: Some(254),
    };
    for plain in [Bfd::default(), said] {
        assert_eq!(profile_of(&peer, &plain), None);
    }
    for other in [
        Bfd {
            receive_interval: Some(301),
            ..said
        },
        Bfd {
            transmit_interval: Some(301),
            ..said
        },
        Bfd {
            detect_multiplier: Some(4),
            ..said
        },
        Bfd {
            mode: BfdMode::Passive,
            ..said
        },
        Bfd {
            minimum_ttl: Some(253),
            ..said
        },
    ] {
        let name = profile_of(&peer, &other);
        assert_eq!(name.as_deref(), Some("neighbor-10.0.1.1"), "{other:?}");
    }
}

#[test]
fn an_intent_wants_a_profile_for_each_neighbour_that_says_more_than_the_defaults() {
    let fast_bfd = Bfd {
        receive_interval: Some(150),
        transmit_interval: Some(200),
        ..Bfd::default()
    };
    let neighbors = vec![
        watched("10.0.1.1", fast_bfd),
        watched("10.0.1.2", Bfd::default()),
        neighbor("10.0.1.3", RemoteAs::External),
    ];
    assert_eq!(
        wanted(&with(neighbors)),
        named([("neighbor-10.0.1.1", fast())])
    );
}

#[test]
fn bfdd_is_needed_as_soon_as_one_session_is_watched() {
    let plain = neighbor("10.0.1.1", RemoteAs::External);
    assert_eq!(need(&NodeIntent::default()), Need::Nothing);
    assert_eq!(need(&with(vec![plain.clone()])), Need::Nothing);
    let watched = watched("10.0.1.2", Bfd::default());
    assert_eq!(need(&with(vec![plain, watched])), Need::Bfdd);
}

#[test]
fn profiles_are_made_mended_and_left_alone_and_the_others_go_afterwards() {
    let ours = SeenProfile::Ours;
    let held = SeenBfd::Profiles(named([
        ("changed", ours(fast())),
        ("foreign", SeenProfile::Other),
        ("old", ours(fast())),
        ("right", ours(passive())),
        ("strange", SeenProfile::Other),
    ]));
    let wanted = named([
        ("changed", passive()),
        ("new", fast()),
        ("right", passive()),
        ("strange", fast()),
    ]);
    let (first, afterwards) = changes(&wanted, &held);
    let told = |changes: Vec<ProfileChange>| -> Vec<_> {
        let told = |change: ProfileChange| (change.name, change.before, change.after);
        changes.into_iter().map(told).collect()
    };
    assert_eq!(
        told(first),
        [
            ("changed".to_owned(), Some(ours(fast())), Some(passive())),
            ("new".to_owned(), None, Some(fast())),
            ("strange".to_owned(), Some(SeenProfile::Other), Some(fast())),
        ]
    );
    assert_eq!(
        told(afterwards),
        [
            ("foreign".to_owned(), Some(SeenProfile::Other), None),
            ("old".to_owned(), Some(ours(fast())), None),
        ]
    );
}

#[test]
fn without_bfdd_there_is_nothing_to_take_away() {
    let (first, afterwards) = changes(&named([("a", fast())]), &SeenBfd::NotRunning);
    assert_eq!(
        (first, afterwards),
        (vec![change(None, Some(fast()))], vec![])
    );
}

#[test]
fn a_change_is_taken_back_unless_it_replaced_what_we_could_not_make() {
    let ours = SeenProfile::Ours;
    for (there, back) in [
        (
            change(None, Some(fast())),
            Some(change(Some(ours(fast())), None)),
        ),
        (
            change(Some(ours(fast())), None),
            Some(change(None, Some(fast()))),
        ),
        (
            change(Some(ours(fast())), Some(passive())),
            Some(change(Some(ours(passive())), Some(fast()))),
        ),
        (change(Some(SeenProfile::Other), Some(fast())), None),
        (change(Some(SeenProfile::Other), None), None),
    ] {
        assert_eq!(there.reversed(), back, "{there:?}");
    }
}

#[test]
fn all_of_a_profile_is_typed_so_that_nothing_of_the_old_one_stays() {
    let lines = change(Some(SeenProfile::Ours(passive())), Some(fast())).lines();
    let fast_lines = [
        "profile a",
        "detect-multiplier 3",
        "receive-interval 150",
        "transmit-interval 200",
        "no passive-mode",
        "minimum-ttl 254",
        "exit",
    ];
    assert_eq!(lines, fast_lines);
    let lines = change(Some(SeenProfile::Other), Some(fast())).lines();
    assert_eq!(lines, [&["no profile a"], &fast_lines[..]].concat());
    let lines = change(None, Some(passive())).lines();
    assert_eq!(lines[1..2], ["detect-multiplier 5"]);
    assert_eq!(lines[4..6], ["passive-mode", "minimum-ttl 250"]);
    assert_eq!(
        change(Some(SeenProfile::Other), None).lines(),
        ["no profile a"]
    );
}

#[test]
fn a_change_is_shown_in_one_line() {
    assert_eq!(
        change(None, Some(fast())).summary(),
        [
            "profile a, detect-multiplier 3, receive-interval 150, transmit-interval 200, \
             no passive-mode, minimum-ttl 254"
        ]
    );
    let gone = change(Some(SeenProfile::Ours(fast())), None);
    assert_eq!(gone.summary(), ["no profile a"]);
}
