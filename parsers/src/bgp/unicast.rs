//! `show bgp vrf VRF ipv4 unicast json` and its IPv6 sister.

use std::{io::Read, ops::ControlFlow};

use ipnet::IpNet;

use super::Path;
use crate::{
    json::Error,
    stream::{self, Fault, Object, Streamed, Walker, Window},
};

const COMMAND: &str = "show bgp vrf VRF FAMILY unicast json";

/// A prefix in a BGP table, with all paths to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnicastRoute {
    /// The prefix.
    pub prefix: IpNet,
    /// The paths to it, the best one first.
    pub paths: Vec<Path>,
}

/// Hands over the routes of an answer in memory, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn unicast(
    answer: &[u8],
    each: impl FnMut(UnicastRoute) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::slice(COMMAND, answer, &mut Table(each))
}

/// Hands over the routes of an answer while it is read, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn unicast_from(
    answer: impl Read,
    each: impl FnMut(UnicastRoute) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::reader(COMMAND, answer, &mut Table(each))
}

struct Table<F>(F);

impl<F: FnMut(UnicastRoute) -> ControlFlow<()>> Object for Table<F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        match walker.key() {
            "routes" => walker.enter(&mut Routes(&mut self.0)),
            _ => walker.skip(),
        }
    }
}

struct Routes<'a, F>(&'a mut F);

impl<F: FnMut(UnicastRoute) -> ControlFlow<()>> Object for Routes<'_, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        let prefix = walker.key().parse().map_err(Fault::data)?;
        let paths = walker.value()?;
        walker.follow((self.0)(UnicastRoute { prefix, paths }))
    }
}
