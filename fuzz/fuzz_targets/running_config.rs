//! Configuration text: what is read prints as it was read, and no command gets lost.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perouter_parsers::running_config::{Config, Line, RunningConfig};

/// Every command of a tree, headers of contexts included, exits not.
fn all<'a>(config: &'a Config, into: &mut Vec<&'a Line>) {
    into.extend(config.lines());
    for context in config.contexts() {
        into.push(context.header());
        all(context.body(), into);
    }
}

fn sorted(config: &Config) -> Vec<&Line> {
    let mut lines = Vec::new();
    all(config, &mut lines);
    lines.sort();
    lines
}

/// The commands of a text, found without the parser: all that is one command by itself.
fn commands(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = text
        .lines()
        .filter_map(|line| Line::new(line).ok())
        .collect();
    lines.sort();
    lines
}

/// What holds for every tree, however it came to be.
fn sound(config: &Config) {
    let printed = config.to_string();
    assert_eq!(
        printed.parse::<Config>().as_ref(),
        Ok(config),
        "{printed:?}"
    );
    for line in sorted(config) {
        assert_eq!(Line::new(line.as_str()).as_ref(), Ok(line));
        assert!(!line.as_str().contains(char::is_control), "{line:?}");
        assert!(!line.as_str().starts_with(['!', '#', '%', ' ']), "{line:?}");
        assert!(!line.as_str().contains("| "), "{line:?}");
    }
    let typed = config.commands();
    let shown: Vec<&str> = printed
        .lines()
        .map(str::trim_start)
        .filter(|line| *line != "!")
        .collect();
    assert_eq!(typed, shown);
}

fn check(config: &Config) {
    sound(config);
    let (merged, ordered) = (config.merged(), config.sorted());
    for other in [&merged, &ordered] {
        sound(other);
        assert!(config.equivalent(other) && other.equivalent(config));
        let mut before = sorted(config);
        let mut after = sorted(other);
        before.dedup();
        after.dedup();
        assert_eq!(before, after, "merging lost a command");
    }
    assert_eq!(merged.merged(), merged);
    assert_eq!(ordered.sorted(), ordered);
    assert_eq!(ordered.merged(), ordered);
    assert_eq!(merged.sorted(), ordered);
}

fuzz_target!(|text: &str| {
    if let Ok(config) = text.parse::<Config>() {
        let known: Vec<Line> = sorted(&config).into_iter().cloned().collect();
        assert_eq!(known, commands(text), "a command was lost or made up");
        check(&config);
    }
    if let Ok(running) = text.parse::<RunningConfig>() {
        check(&running.config);
    }
});
