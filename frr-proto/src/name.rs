//! Names and numbers that go into YANG paths and values.
//!
//! A YANG path writes a list key between quotes, and FRR knows no way to write
//! a quote inside. So a name is looked at once, when it is made, and what could
//! leave its quotes is refused.

use std::{fmt, str::FromStr};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("the name of a {what} is empty")]
    Empty {
        /// What it should name.
        what: &'static str,
    },
    /// It is too long.
    #[error("the name of a {what} has at most {longest} characters, {name:?} has {length}")]
    TooLong {
        /// What it should name.
        what: &'static str,
        /// The text.
        name: String,
        /// How long it is.
        length: usize,
        /// How long it may be.
        longest: usize,
    },
    /// It holds a character that has no place in a name.
    #[error(
        "the name of a {what} is made of letters, digits and {allowed}: {name:?} holds {character:?}"
    )]
    Character {
        /// What it should name.
        what: &'static str,
        /// The text.
        name: String,
        /// The first wrong character.
        character: char,
        /// What else than letters and digits is allowed.
        allowed: &'static str,
    },
}

/// Checks a text against the rules of one kind of name.
fn check(
    what: &'static str,
    name: &str,
    longest: usize,
    allowed: &'static str,
) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    let wrong = |c: &char| !c.is_ascii_alphanumeric() && !allowed.contains(*c);
    if let Some(character) = name.chars().find(wrong) {
        return Err(NameError::Character {
            what,
            name: name.to_owned(),
            character,
            allowed,
        });
    }
    if name.len() > longest {
        let length = name.len();
        return Err(NameError::TooLong {
            what,
            name: name.to_owned(),
            length,
            longest,
        });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $longest:literal, $allowed:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                check($what, name, $longest, $allowed)?;
                Ok(Self(name.to_owned()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a VRF: an interface name of the kernel, at most 15 characters.
    VrfName, "VRF", 15, "._-"
}
name! {
    /// The name of a route map. FRR sets no limit to its length; this does.
    RouteMapName, "route map", 128, "._:-"
}
name! {
    /// The name of a prefix list (`frr-filter:access-list-name`, at most 128 characters).
    PrefixListName, "prefix list", 128, "._:/-"
}
name! {
    /// The name of a BFD profile, at most 64 characters (`frr-bfdd:profile-name`).
    ProfileName, "BFD profile", 64, "._:/-"
}

/// A VXLAN network identifier, 1 to 16777215 (RFC 7348; `frr-zebra:vni-id-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "u32")]
pub struct Vni(u32);

/// Why a number is not a VNI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a VNI is between 1 and 16777215, not {0}")]
pub struct VniError(pub u32);

impl Vni {
    /// A VNI, if the number is one.
    ///
    /// # Errors
    ///
    /// [`VniError`] for 0 and for what does not fit 24 bits.
    pub const fn new(number: u32) -> Result<Self, VniError> {
        match number {
            1..=0x00ff_ffff => Ok(Self(number)),
            _ => Err(VniError(number)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Vni {
    type Error = VniError;

    fn try_from(number: u32) -> Result<Self, VniError> {
        Self::new(number)
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
