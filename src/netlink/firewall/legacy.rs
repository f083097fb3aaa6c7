//! The rules in the older `iptables`: a chain of our own, which is the first thing that `INPUT`
//! goes to, for IPv4 and for IPv6.

use std::fmt::Write as _;

use super::{FirewallError, ports, run};

const CHAIN: &str = "PEROUTER";

/// The rule that leads to the chain, as `iptables-save` prints it.
const JUMP: &str = "-A INPUT -j PEROUTER";

/// One address family's programs.
struct Family {
    save: &'static str,
    restore: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family {
        save: "iptables-legacy-save",
        restore: "iptables-legacy-restore",
    },
    Family {
        save: "ip6tables-legacy-save",
        restore: "ip6tables-legacy-restore",
    },
];

pub(super) fn load() -> Result<(), FirewallError> {
    FAMILIES.iter().try_for_each(|family| {
        let jumps = family.saved()?.matches(JUMP).count();
        // Named in the input, a chain is made or emptied; other chains stay as they are.
        iptables(family.restore, &["--noflush"], &rules(jumps)).map(drop)
    })
}

/// The rules in `iptables-restore`'s language, in place of `jumps` rules that lead to the chain
/// already.
fn rules(jumps: usize) -> String {
    let mut rules = format!("*filter\n:{CHAIN} - [0:0]\n");
    for _ in 0..jumps {
        // Writing to a string cannot fail.
        let _ = writeln!(rules, "-D INPUT -j {CHAIN}");
    }
    let ports = ports(":", ",");
    let _ = write!(
        rules,
        "-I INPUT 1 -j {CHAIN}\n\
         -A {CHAIN} ! -i lo -p tcp -m multiport --dports {ports} -j DROP\n\
         COMMIT\n"
    );
    rules
}

/// What concerns our chain: its rules, what leads to it, and what comes first of all.
pub(super) fn list() -> Result<Option<String>, FirewallError> {
    let mut all = String::new();
    for family in &FAMILIES {
        let saved = family.saved()?;
        let first = saved.lines().find(|line| line.starts_with("-A INPUT"));
        // `:CHAIN - [packets:bytes]` counts what went through.
        let ours = saved
            .lines()
            .filter(|line| line.starts_with('-') && line.contains(CHAIN));
        let ours: Vec<&str> = ours.collect();
        if ours.is_empty() {
            continue;
        }
        for line in first.into_iter().chain(ours) {
            all.push_str(line);
            all.push('\n');
        }
    }
    Ok(Some(all).filter(|all| !all.is_empty()))
}

impl Family {
    fn saved(&self) -> Result<String, FirewallError> {
        iptables(self.save, &["-t", "filter"], "")
    }
}

fn iptables(
    program: &'static str,
    arguments: &[&str],
    input: &str,
) -> Result<String, FirewallError> {
    run(program, "iptables", arguments, input)
}
