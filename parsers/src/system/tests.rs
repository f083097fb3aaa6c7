//! The captures, and the order of releases.

use super::*;

const VERSION: &str = include_str!("../../captures/frr-10.3/show-version.txt");
const DAEMONS: &str = include_str!("../../captures/frr-10.3/show-daemons.txt");

#[test]
fn version_of_the_capture() {
    assert_eq!(version(VERSION), Ok(Version::new(10, 3, 0)));
    let error = version("% Unknown command\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "show version: \"% Unknown command\" does not begin with \"FRRouting\" and a number"
    );
}

#[test]
fn releases_are_ordered_by_number() {
    let texts = [
        "8.5", "9.1.2", "10.3", "10.3-dev", "10.3.1", "10.7.1", "10.10",
    ];
    let versions: Vec<Version> = texts.iter().map(|text| text.parse().unwrap()).collect();
    assert!(versions.is_sorted(), "{versions:?}");
    let printed: Vec<String> = versions.iter().map(Version::to_string).collect();
    assert_eq!(printed, texts);
    let git = version("FRRouting 10.7.1_git (router) on Linux(6.1).\n").unwrap();
    assert_eq!((git.patch, git.suffix.as_str()), (1, "_git"));
    for text in ["", "10", "ten.3", "10.", "10.3 4"] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
}

/// A zero before such a suffix was once left out, and the suffix then read in its place.
#[test]
fn a_version_prints_as_it_was_read() {
    for text in ["10.0.0.1:2", "10.3.0.4", "10.3.0-dev", "10.3.99999"] {
        let version: Version = text.parse().unwrap();
        assert_eq!(version.to_string().parse(), Ok(version), "{text}");
    }
}

#[test]
fn daemons_of_the_capture() {
    let known = [
        Daemon::Zebra,
        Daemon::Bgpd,
        Daemon::Bfdd,
        Daemon::Staticd,
        Daemon::Mgmtd,
    ];
    assert_eq!(daemons(DAEMONS), Ok(BTreeSet::from(known)));
    assert_eq!(daemons(" zebra foobard\n").unwrap().len(), 2);
    assert!(daemons("% Unknown command: show daemons\n").is_err());
}

#[test]
fn modules_by_their_names() {
    const ANSWER: &str = "\
Module Name  Version                   Description

libfrr       10.3                      libfrr core module
bgpd         10.3                      bgpd daemon module
bgpd_bmp     10.3                      bgpd BMP module
\tfrom: /usr/lib/x86_64-linux-gnu/frr/modules/bgpd_bmp.so
pid: 4711
";
    let known = ["bgpd", "bgpd_bmp", "libfrr"].map(str::to_owned);
    assert_eq!(modules(ANSWER), Ok(BTreeSet::from(known)));
    assert!(modules("% Unknown command: show modules\n").is_err());
    assert!(modules("").is_err());
}
