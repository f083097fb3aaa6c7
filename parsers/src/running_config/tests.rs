//! The capture, the shapes FRR prints, what is refused, and the round trip.

use proptest::{collection::vec, prelude::*};

use super::{Config, Context, InvalidLine, Line, MAX_DEPTH, ParseError, RunningConfig};

const CAPTURE: &str = include_str!("../../captures/frr-10.3/show-running-config.txt");
const BGPD: &str = include_str!("../../captures/frr-10.3/bgpd-show-running-config.txt");
const ZEBRA: &str = include_str!("../../captures/frr-10.3/zebra-show-running-config.txt");
const NO_HEADER: &str = include_str!("../../captures/frr-10.3/show-running-config-no-header.txt");

fn headers(config: &Config) -> Vec<&str> {
    config
        .contexts()
        .iter()
        .map(|context| context.header().as_str())
        .collect()
}

fn lines(config: &Config) -> Vec<&str> {
    config.lines().iter().map(Line::as_str).collect()
}

fn config(text: &str) -> Config {
    text.parse().unwrap()
}

#[test]
fn capture_has_its_contexts() {
    let running: RunningConfig = CAPTURE.parse().unwrap();
    assert_eq!(running.version.as_deref(), Some("10.3"));
    assert_eq!(running.defaults.as_deref(), Some("traditional"));
    assert_eq!(running.hostname.as_deref(), Some("lab"));
    let config = running.config;
    assert_eq!(lines(&config), [""; 0]);
    assert_eq!(
        headers(&config),
        [
            "route-map allowall permit 1",
            "vrf red",
            "router bgp 64514",
            "router bgp 64514 vrf red",
            "bfd"
        ]
    );
    assert!(
        config
            .context("route-map allowall permit 1")
            .unwrap()
            .is_empty()
    );
    assert_eq!(lines(config.context("vrf red").unwrap()), ["vni 100"]);
    let bgp = config.context("router bgp 64514").unwrap();
    assert_eq!(bgp.lines().len(), 16);
    assert_eq!(
        headers(bgp),
        ["address-family ipv4 unicast", "address-family l2vpn evpn"]
    );
    let evpn = ["router bgp 64514 vrf red", "address-family l2vpn evpn"];
    let evpn = config.at(&evpn).unwrap();
    assert_eq!(
        lines(evpn),
        ["advertise ipv4 unicast", "advertise ipv6 unicast"]
    );
    let profile = config.at(&["bfd", "profile neighbor-10.0.1.1"]).unwrap();
    assert!(profile.is_empty());
    assert_eq!(config.at(&["bfd", "profile other"]), None);
}

#[test]
fn header_or_not_the_configuration_is_the_same() {
    let with: RunningConfig = CAPTURE.parse().unwrap();
    let without: RunningConfig = NO_HEADER.parse().unwrap();
    assert_eq!(with, without);
}

#[test]
fn a_daemon_answers_without_heading_and_end() {
    let bgpd: RunningConfig = BGPD.parse().unwrap();
    assert_eq!(bgpd.version.as_deref(), Some("10.3"));
    assert_eq!(bgpd.hostname.as_deref(), Some("vm"));
    assert_eq!(
        lines(&bgpd.config),
        ["ip prefix-list P seq 5 permit 10.0.0.0/8 le 32"]
    );
    assert_eq!(
        headers(&bgpd.config),
        [
            "route-map optimize permit 5",
            "vrf blue",
            "router bgp 65001",
            "router bgp 65001 vrf blue"
        ]
    );
    let vni = ["router bgp 65001", "address-family l2vpn evpn", "vni 110"];
    let vni = bgpd.config.at(&vni).unwrap();
    assert_eq!(
        lines(vni),
        ["rd 10.0.0.1:110", "route-target import 64514:110"]
    );
    let zebra: RunningConfig = ZEBRA.parse().unwrap();
    let formats = zebra
        .config
        .at(&["segment-routing", "srv6", "formats"])
        .unwrap();
    assert_eq!(
        headers(formats),
        ["format usid-f3216", "format uncompressed-f4024"]
    );
}

#[test]
fn capture_prints_as_frr_printed_it() {
    // FRR also writes a `!` before nested contexts and after profiles; all else is the same.
    let running: RunningConfig = CAPTURE.parse().unwrap();
    let significant = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.trim().is_empty() && line.trim() != "!")
            .map(str::to_owned)
            .collect()
    };
    let mut expected = significant(CAPTURE);
    expected.retain(|line| {
        !line.ends_with("onfiguration...")
            && !line.ends_with("configuration:")
            && !line.starts_with("frr ")
            && !line.starts_with("hostname ")
            && line != "end"
    });
    assert_eq!(significant(&running.config.to_string()), expected);
    let commands: Vec<&str> = expected.iter().map(|line| line.trim()).collect();
    assert_eq!(running.config.commands(), commands);
}

#[test]
fn vni_context_stands_in_the_evpn_family() {
    let text = "\
router bgp 64514
 !
 address-family l2vpn evpn
  advertise-all-vni
  vni 110
   rd 10.0.0.1:110
   route-target import 64514:110
  exit-vni
  vni 111
  exit-vni
  advertise-svi-ip
 exit-address-family
exit
";
    let config = config(text);
    let evpn = config
        .at(&["router bgp 64514", "address-family l2vpn evpn"])
        .unwrap();
    assert_eq!(lines(evpn), ["advertise-all-vni", "advertise-svi-ip"]);
    assert_eq!(headers(evpn), ["vni 110", "vni 111"]);
    assert_eq!(evpn.context("vni 110").unwrap().lines().len(), 2);
    assert_eq!(evpn.contexts()[0].closing(), "exit-vni");
    assert_eq!(self::config(&config.to_string()), config);
}

#[test]
fn deep_contexts_and_unknown_contexts() {
    let text = "\
segment-routing
 srv6
  locators
   locator MAIN
    prefix fd00:1::/48 block-len 32 node-len 16
   exit
   !
  exit
  !
 exit
 !
exit
!
something new
exit
!
";
    let config = config(text);
    let path = ["segment-routing", "srv6", "locators", "locator MAIN"];
    assert_eq!(
        lines(config.at(&path).unwrap()),
        ["prefix fd00:1::/48 block-len 32 node-len 16"]
    );
    assert!(config.context("something new").unwrap().is_empty());
}

#[test]
fn route_map_entries_are_contexts_of_their_own() {
    let text = "\
ip prefix-list P seq 5 permit 10.0.0.0/8 le 32
route-map R permit 10
 match ip address prefix-list P
exit
!
route-map R deny 20
exit
!
";
    let config = config(text);
    assert_eq!(
        lines(&config),
        ["ip prefix-list P seq 5 permit 10.0.0.0/8 le 32"]
    );
    assert_eq!(
        headers(&config),
        ["route-map R permit 10", "route-map R deny 20"]
    );
}

#[test]
fn exclamation_marks_inside_a_line_belong_to_it() {
    let config = config("router bgp 1\n neighbor X description a ! b # c\n! note\nexit\n");
    let bgp = config.context("router bgp 1").unwrap();
    assert_eq!(lines(bgp), ["neighbor X description a ! b # c"]);
}

#[test]
fn a_password_that_looks_like_a_keyword_is_no_exit() {
    let config = config("router bgp 1\n neighbor X password exit\nexit\n");
    assert_eq!(
        lines(config.context("router bgp 1").unwrap()),
        ["neighbor X password exit"]
    );
}

#[test]
fn missing_exits_are_forgiven_where_indentation_tells() {
    let typed = config(
        "router bgp 1\n bgp router-id 1.1.1.1\n address-family ipv4 unicast\n  network 1.0.0.0/8\n \
         address-family l2vpn evpn\n  advertise-all-vni\nroute-map a permit 1\nvrf red\n vni 5\n",
    );
    let printed = config(
        "router bgp 1\n bgp router-id 1.1.1.1\n !\n address-family ipv4 unicast\n  network \
         1.0.0.0/8\n exit-address-family\n !\n address-family l2vpn evpn\n  advertise-all-vni\n \
         exit-address-family\nexit\n!\nroute-map a permit 1\nexit\n!\nvrf red\n vni \
         5\nexit-vrf\n!\nend\n",
    );
    assert_eq!(typed, printed);
}

#[test]
fn flat_text_is_refused() {
    let error = "router bgp 1\nbgp router-id 1.1.1.1\nexit\n"
        .parse::<Config>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: \"exit\" closes a context whose content is not indented; indent what belongs to \
         \"router bgp 1\""
    );
    let error = "vrf red\nvni 5\nexit-vrf\n".parse::<Config>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: \"exit-vrf\" does not close any context"
    );
}

#[test]
fn exits_that_do_not_fit_are_refused() {
    let stray = |text: &str| {
        let error = text.parse::<Config>().unwrap_err();
        let ParseError::StrayExit { line, open, .. } = error else {
            panic!("{error}")
        };
        (line, open)
    };
    assert_eq!(stray("exit\n"), (1, "any context".to_owned()));
    assert_eq!(
        stray("router bgp 1\n a\nexit-vrf\n"),
        (3, "\"router bgp 1\"".to_owned())
    );
    let twice = "router bgp 1\n address-family ipv4 unicast\n  a\n exit-address-family\n exit\n";
    assert_eq!(stray(twice), (5, "\"router bgp 1\"".to_owned()));
}

#[test]
fn errors_name_line_and_text() {
    let error = "vrf red\n vni\u{7} 5\nexit-vrf\nend\n"
        .parse::<RunningConfig>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: the line holds the control character '\\u{7}': \" vni\\u{7} 5\""
    );
    let error = "% Unknown command\n".parse::<RunningConfig>().unwrap_err();
    assert_eq!(error.to_string(), "line 1: FRR answered: % Unknown command");
    let error = "Building configuration...\nvrf red\n vni 5\n"
        .parse::<RunningConfig>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the text stops at line 3 without \"end\": \"vni 5\""
    );
    let error = "end\n!\nvrf red\n".parse::<Config>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: \"vrf red\" follows the end of the configuration"
    );
}

#[test]
fn depth_is_bounded() {
    let nested: String = (0..=MAX_DEPTH + 1)
        .map(|depth| format!("{:depth$}level {depth}\n", ""))
        .collect();
    assert!(matches!(
        nested.parse::<Config>(),
        Err(ParseError::TooDeep { line: 18, .. })
    ));
    let nested: String = (0..=MAX_DEPTH)
        .map(|depth| format!("{:depth$}level {depth}\n", ""))
        .collect();
    assert!(nested.parse::<Config>().is_ok());
}

#[test]
fn lines_are_one_command() {
    assert_eq!(
        Line::new("  neighbor   X\tactivate ").unwrap(),
        "neighbor X activate"
    );
    assert_eq!(Line::new(" \t"), Err(InvalidLine::Empty));
    for text in ["a\nb", "a\0b", "a\rb"] {
        assert!(
            matches!(Line::new(text), Err(InvalidLine::Control { .. })),
            "{text:?}"
        );
    }
    for text in ["!a", "# a"] {
        assert!(
            matches!(Line::new(text), Err(InvalidLine::Comment { .. })),
            "{text:?}"
        );
    }
    for text in [
        "exit",
        " exit now",
        "exit-vrf",
        "quit",
        "end",
        "e",
        "exi",
        "q",
        "en",
    ] {
        assert!(
            matches!(Line::new(text), Err(InvalidLine::LeavesContext { .. })),
            "{text:?}"
        );
    }
    for text in [
        "% no",
        " Building  configuration...",
        "Current\tconfiguration:",
    ] {
        assert!(
            matches!(Line::new(text), Err(InvalidLine::Message { .. })),
            "{text:?}"
        );
    }
    for text in ["exits", "ending", "quite", "ex-it", "neighbor X end"] {
        assert!(Line::new(text).is_ok(), "{text:?}");
    }
}

/// The words above a configuration, but not as FRR spaces them: once read as a command, which
/// then was gone from what was printed.
#[test]
fn words_above_a_configuration_are_no_command() {
    let text = "router bgp 1\n x\nBuilding  configuration...\n";
    let error = text.parse::<Config>().unwrap_err();
    assert!(
        matches!(error, ParseError::Message { line: 3, .. }),
        "{error}"
    );
}

#[test]
fn equivalence_ignores_order_and_repetition_only() {
    let one = config("a\nb\nrouter bgp 1\n x\n y\nexit\nvrf red\n vni 1\nexit-vrf\n");
    let two = config(
        "b\na\na\nvrf red\nexit-vrf\nrouter bgp 1\n y\nexit\nrouter bgp 1\n x\nexit\nvrf red\n vni 1\n",
    );
    assert_ne!(one, two);
    assert!(one.equivalent(&two));
    assert_eq!(headers(&two.merged()), ["vrf red", "router bgp 1"]);
    for other in [
        "a\nb\nrouter bgp 1\n x\nexit\nvrf red\n vni 1\nexit-vrf\n",
        "a\nb\nrouter bgp 1\n x\n y\nexit\nvrf red\n vni 2\nexit-vrf\n",
        "a\nb\nx\ny\nrouter bgp 1\nexit\nvrf red\n vni 1\nexit-vrf\n",
    ] {
        assert!(!one.equivalent(&config(other)), "{other}");
    }
}

#[test]
fn building_gives_what_parsing_gives() {
    let mut built = Config::new();
    built.push("vrf red").unwrap();
    let bgp = built.entry(&Line::new("router bgp 1").unwrap());
    bgp.push("bgp router-id 1.1.1.1")
        .unwrap()
        .push("no bgp default ipv4-unicast")
        .unwrap();
    bgp.push("address-family l2vpn evpn").unwrap();
    built
        .entry(&Line::new("router bgp 1").unwrap())
        .push("neighbor 1.1.1.2 remote-as 2")
        .unwrap();
    assert_eq!(headers(&built), ["vrf red", "router bgp 1"]);
    assert_eq!(config(&built.to_string()), built);
    assert!(built.push("vrf\nred").is_err());
}

/// Words as they occur, and words that try to confuse the parser.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9:./-]{1,12}",
        1 => "[!#%a-z]{1,4}",
        1 => prop::sample::select(vec![
            "exit", "end", "exit-vrf", "quit", "vrf", "router", "vni", "bfd", "address-family",
            "route-map", "permit", "interface", "frr", "version", "hostname", "rpki", "no",
        ]).prop_map(str::to_owned),
        1 => "\\PC{1,6}",
    ]
}

/// Text that tries to be more than one command, or none.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => word(),
        2 => prop::sample::select(vec![
            "\n", "\r", "\0", "\t", " ", "  ", "\u{b}", "\u{c}", "\u{1b}", "\u{7f}", "\u{85}",
            "\u{a0}", "\u{2028}", "!", "#", "%", "|", "| ", "e", "ex", "q", "exit-", "\\", "\"",
        ]).prop_map(str::to_owned),
        1 => "(?s).{0,4}",
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn line() -> impl Strategy<Value = Line> {
    vec(word(), 1..6)
        .prop_map(|words| words.join(" "))
        .prop_filter_map("not a command", |text| Line::new(text).ok())
}

fn tree() -> impl Strategy<Value = Config> {
    let leaf = vec(line(), 0..5).prop_map(Config::from);
    leaf.prop_recursive(4, 40, 4, |inner| {
        (vec(line(), 0..4), vec((line(), inner), 0..4)).prop_map(|(lines, contexts)| {
            let mut config = Config::from(lines);
            for (header, body) in contexts {
                config.push_context(Context::with_body(header, body));
            }
            config
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_parsed(config in tree()) {
        let printed = config.to_string();
        prop_assert_eq!(printed.parse::<Config>(), Ok(config.clone()), "{}", printed);
        let answer = format!("Building configuration...\n\nCurrent configuration:\n!\n{printed}end\n");
        let heading = |line: &Line| {
            ["frr version ", "frr defaults ", "hostname "].iter().any(|h| line.as_str().starts_with(h))
        };
        if !config.lines().iter().chain(config.contexts().iter().map(Context::header)).any(heading) {
            prop_assert_eq!(answer.parse::<RunningConfig>().unwrap().config, config);
        }
    }

    #[test]
    fn an_accepted_line_is_one_harmless_command(text in hostile()) {
        let Ok(line) = Line::new(&text) else { return Ok(()) };
        let line = line.as_str();
        prop_assert!(!line.chars().any(char::is_control), "{:?}", line);
        prop_assert!(!line.starts_with(['!', '#', '%', ' ']), "{:?}", line);
        prop_assert!(!line.contains("| "), "{:?}", line);
        let first = line.split(' ').next().unwrap_or_default();
        for word in ["exit", "quit", "end", "exit-vrf", "exit-address-family"] {
            prop_assert!(!word.starts_with(first), "{:?}", line);
        }
        // FRR splits at white space: no word of the text is lost, and none is added.
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        prop_assert_eq!(line.split(' ').collect::<Vec<_>>(), words);
        prop_assert_eq!(Line::new(line).unwrap(), line);
    }

    #[test]
    fn what_is_typed_is_one_command_a_line(config in tree()) {
        for command in config.commands() {
            prop_assert!(!command.is_empty() && !command.contains(['\n', '\r', '\0']));
        }
    }

    #[test]
    fn merging_changes_nothing_twice(config in tree()) {
        prop_assert!(config.equivalent(&config.merged()));
        prop_assert_eq!(config.merged().merged(), config.merged());
        prop_assert_eq!(config.sorted().sorted(), config.sorted());
    }

    #[test]
    fn no_text_panics(text in "([ !]{0,3}(exit|end|vrf a|b c|exit-vrf|router bgp 1|%|\\PC{0,8})\n){0,12}") {
        let _ = text.parse::<Config>();
        let _ = text.parse::<RunningConfig>();
    }
}
