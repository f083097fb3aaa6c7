//! `show bgp l2vpn evpn route type 5 json`: the prefixes of the fabric; and
//! `show bgp l2vpn evpn rd RD json`, those of one distinguisher.

use std::{io::Read, net::IpAddr, ops::ControlFlow, str::FromStr};

use ipnet::IpNet;
use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_while1},
    character::complete::{u8, u32},
    combinator::all_consuming,
};

use super::table::{Key, Route, Table};
use crate::{
    bgp::Path,
    id::RouteDistinguisher,
    json::Error,
    stream::{self, Streamed},
};

const COMMAND: &str = "show bgp l2vpn evpn route type 5 json";

/// An IP prefix route (RFC 9136 section 3) in bgpd's EVPN table, with all paths to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type5Route {
    /// The route distinguisher: of the VRF and router that announced it.
    pub rd: RouteDistinguisher,
    /// The Ethernet tag; 0 in practice.
    pub ethernet_tag: u32,
    /// The prefix.
    pub prefix: IpNet,
    /// The paths to it, the best one first.
    pub paths: Vec<Path>,
}

/// Hands over the routes of an answer in memory, one by one, until `each` breaks. Routes of
/// other types, as in `show bgp l2vpn evpn json`, are passed over.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn type5(
    answer: &[u8],
    each: impl FnMut(Type5Route) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::slice(COMMAND, answer, &mut table(each))
}

/// Hands over the routes of an answer while it is read, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn type5_from(
    answer: impl Read,
    each: impl FnMut(Type5Route) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::reader(COMMAND, answer, &mut table(each))
}

struct PrefixKey(u32, IpNet);

impl Key for PrefixKey {
    const PREFIX: &'static str = "[5]:";
    const FORM: &'static str = "[5]:[TAG]:[LENGTH]:[ADDRESS]";

    fn read(key: &str) -> Option<Self> {
        prefix_key(key).map(|(tag, prefix)| Self(tag, prefix))
    }
}

fn table(
    mut each: impl FnMut(Type5Route) -> ControlFlow<()>,
) -> Table<PrefixKey, impl FnMut(Route<PrefixKey>) -> ControlFlow<()>> {
    Table::new(move |route: Route<PrefixKey>| {
        let Route { rd, key, paths } = route;
        let PrefixKey(ethernet_tag, prefix) = key;
        each(Type5Route {
            rd,
            ethernet_tag,
            prefix,
            paths,
        })
    })
}

/// The key of a Type-5 route: `[5]:[TAG]:[LENGTH]:[ADDRESS]`.
pub(super) fn prefix_key(key: &str) -> Option<(u32, IpNet)> {
    let (_, (tag, length, address)) = all_consuming(key_parts).parse(key).ok()?;
    Some((
        tag,
        IpNet::new(IpAddr::from_str(address).ok()?, length).ok()?,
    ))
}

fn key_parts(input: &str) -> IResult<&str, (u32, u8, &str)> {
    let (input, _) = tag("[5]:[")(input)?;
    let (input, ethernet_tag) = u32(input)?;
    let (input, _) = tag("]:[")(input)?;
    let (input, length) = u8(input)?;
    let (input, _) = tag("]:[")(input)?;
    let (input, address) = take_while1(|character| character != ']')(input)?;
    let (input, _) = tag("]")(input)?;
    Ok((input, (ethernet_tag, length, address)))
}
