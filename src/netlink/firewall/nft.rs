//! The rules in nftables: a table of our own.

use super::{FirewallError, ports, run};

const TABLE: &str = "perouter";

/// Whether `nft` failed for want of the family `inet` in the kernel
/// (`CONFIG_NF_TABLES_INET`), of which the kernel says `EOPNOTSUPP`.
pub(super) fn lacks_family(said: &str) -> bool {
    said.contains("Operation not supported")
}

/// The table in `nft`'s language. It is made, deleted and made again in one transaction, which
/// is how `nft` replaces a table whether or not it exists.
fn ruleset() -> String {
    let ports = ports("-", ", ");
    format!(
        "add table inet {TABLE}\n\
         delete table inet {TABLE}\n\
         table inet {TABLE} {{\n\
         \tchain input {{\n\
         \t\ttype filter hook input priority -10; policy accept;\n\
         \t\tiifname != \"lo\" tcp dport {{ {ports} }} drop\n\
         \t}}\n\
         }}\n"
    )
}

pub(super) fn load() -> Result<(), FirewallError> {
    nft(&["-f", "-"], &ruleset()).map(drop)
}

pub(super) fn list() -> Result<Option<String>, FirewallError> {
    let tables = nft(&["list", "tables", "inet"], "")?;
    let heading = format!("table inet {TABLE}");
    if !tables.lines().any(|line| line.trim() == heading) {
        return Ok(None);
    }
    nft(&["list", "table", "inet", TABLE], "").map(Some)
}

fn nft(arguments: &[&str], input: &str) -> Result<String, FirewallError> {
    run("nft", "nftables", arguments, input)
}
