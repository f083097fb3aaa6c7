use std::collections::HashSet;

use super::Explanation;
use crate::verify::Check;

/// Words, not a blank or a note to come back.
fn says_something(text: &str) -> bool {
    text.trim() == text && text.len() > 5 && !text.contains("TODO") && !text.contains("  ")
}

#[test]
fn every_check_is_explained_in_full() {
    for check in Check::ALL {
        let Explanation {
            broken,
            causes,
            mend,
            look,
        } = check.explanation();
        assert!(broken.ends_with('.'), "{check}: {broken}");
        assert!(says_something(broken), "{check}: {broken}");
        for (part, lines) in [("causes", causes), ("mend", mend), ("look", look)] {
            assert!(!lines.is_empty(), "{check} has no {part}");
            for line in lines {
                assert!(says_something(line), "{check}, {part}: {line:?}");
                assert!(!line.ends_with('.'), "{check}, {part}: {line:?}");
            }
        }
    }
}

#[test]
fn no_two_checks_share_an_explanation() {
    let broken: HashSet<&str> = Check::ALL
        .into_iter()
        .map(|check| check.explanation().broken)
        .collect();
    assert_eq!(broken.len(), Check::ALL.len());
}

#[test]
fn what_to_look_with_are_commands() {
    let tools = [
        "vtysh -c '",
        "ip ",
        "bridge ",
        "ss ",
        "ls ",
        "perouter ",
        "sysctl ",
    ];
    for check in Check::ALL {
        for command in check.explanation().look {
            assert!(
                tools.iter().any(|tool| command.starts_with(tool)),
                "{check}: {command}"
            );
        }
    }
}
