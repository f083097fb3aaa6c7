//! Cables between instances.

use crate::{Frr, HarnessError};

/// One end of a cable.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// The name of the interface, at most 15 characters.
    pub interface: &'a str,
    /// The address with its prefix length, as `ip address add` takes it, or
    /// nothing for an interface with only its link-local address.
    pub address: Option<&'a str>,
}

impl<'a> End<'a> {
    /// An end with an address.
    #[must_use]
    pub const fn new(interface: &'a str, address: &'a str) -> Self {
        Self {
            interface,
            address: Some(address),
        }
    }

    /// An end with its link-local address only.
    #[must_use]
    pub const fn unnumbered(interface: &'a str) -> Self {
        Self {
            interface,
            address: None,
        }
    }
}

/// Puts a veth pair between two instances, addresses both ends and sets them up.
///
/// # Errors
///
/// [`HarnessError::Command`] with what `ip` said.
pub fn connect(a: &Frr, a_end: End<'_>, b: &Frr, b_end: End<'_>) -> Result<(), HarnessError> {
    let far = b.pid().to_string();
    a.net_exec(&[
        "ip",
        "link",
        "add",
        a_end.interface,
        "type",
        "veth",
        "peer",
        "name",
        b_end.interface,
        "netns",
        &far,
    ])?;
    for (frr, end) in [(a, a_end), (b, b_end)] {
        if let Some(address) = end.address {
            // A test does not wait for duplicate address detection.
            frr.exec(&[
                "ip",
                "address",
                "add",
                address,
                "dev",
                end.interface,
                "nodad",
            ])?;
        }
        frr.exec(&["ip", "link", "set", end.interface, "up"])?;
    }
    Ok(())
}
