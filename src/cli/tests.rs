//! The command line as a whole.

use clap::CommandFactory as _;
use clap::ValueEnum as _;
use clap_complete::Shell;

use super::*;
use crate::verify::Check;

/// Every subcommand's name.
fn subcommands() -> Vec<String> {
    let command = Cli::command();
    let names = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned());
    names.collect()
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
    assert!(subcommands().len() > 8, "{:?}", subcommands());
}

#[test]
fn completions_name_every_subcommand_and_check() {
    for shell in Shell::value_variants() {
        let script = String::from_utf8(completions::script(*shell)).unwrap();
        for name in subcommands() {
            assert!(script.contains(&name), "{shell}: {name}");
        }
    }
    for shell in [Shell::Bash, Shell::Zsh] {
        let script = String::from_utf8(completions::script(shell)).unwrap();
        for check in Check::ALL {
            assert!(script.contains(check.name()), "{shell}: {check}");
        }
    }
}

#[test]
fn the_manual_names_every_subcommand() {
    let page = String::from_utf8(man::page().unwrap()).unwrap();
    for name in subcommands() {
        assert!(
            page.contains(&name.replace('-', "\\-")),
            "{name} is not in perouter(1)"
        );
    }
}

#[test]
fn every_subcommand_has_a_page() {
    let directory = tempfile::tempdir().unwrap();
    man::pages(directory.path()).unwrap();
    for name in subcommands() {
        let path = directory.path().join(format!("perouter-{name}.1"));
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.contains(".SH DESCRIPTION"), "{name}: {page}");
        assert!(page.lines().count() > 10, "{name}");
    }
    assert!(directory.path().join("perouter-lab-up.1").exists());
    let nowhere = man::pages(&directory.path().join("missing")).unwrap_err();
    assert_eq!(nowhere.kind(), std::io::ErrorKind::NotFound);
}

/// What clap says of a command line that it refuses.
fn refused(line: &[&str]) -> String {
    let words = std::iter::once(&"perouter").chain(line);
    match Cli::try_parse_from(words) {
        Ok(_) => panic!("{line:?} was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_word_that_names_no_check_is_told_what_is_near() {
    let told = refused(&["explain", "route-in-kernl"]);
    assert!(
        told.contains("a similar value exists: 'route-in-kernel'"),
        "{told}"
    );
    for check in Check::ALL {
        assert!(Cli::try_parse_from(["perouter", "explain", check.name()]).is_ok());
    }
}
