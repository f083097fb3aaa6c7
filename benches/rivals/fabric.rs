//! A Type-5 table as bgpd prints it, of any size, made from what a real one printed.

use std::ops::Range;

use crate::Failure;

/// What bgpd of FRR 10.3 printed.
const CAPTURE: &str =
    include_str!("../../parsers/captures/frr-10.3/show-bgp-l2vpn-evpn-route-type-5.json");

/// The entry of the capture that all entries are made from: one that came over the fabric.
const ENTRY: &str = r#""[5]:[0]:[24]:[172.16.2.0]":"#;

/// Prefixes of one route distinguisher, as of one VRF of one node.
const PER_DISTINGUISHER: usize = 1000;

/// A table of `routes` routes, each with one path.
///
/// # Errors
/// When the capture does not hold the entry any more.
pub(crate) fn table(routes: usize) -> Result<Vec<u8>, Failure> {
    let entry = captured_entry()?;
    let mut text = String::with_capacity((entry.len() + 32) * routes);
    text.push('{');
    for number in 0..routes {
        if number.is_multiple_of(PER_DISTINGUISHER) {
            let node = number / PER_DISTINGUISHER;
            let rd = format!("10.0.{}.{}:2", node / 250 + 1, node % 250 + 1);
            text.push_str(if number == 0 { "\n" } else { "}\n," });
            text.push_str(&format!("\"{rd}\":{{\"rd\":\"{rd}\""));
        }
        let node = number / PER_DISTINGUISHER;
        let prefix = format!(
            "10.{}.{}.{}",
            number >> 16 & 255,
            number >> 8 & 255,
            number & 255
        );
        let vtep = format!("100.65.{}.{}", node / 250 + 1, node % 250 + 1);
        text.push(',');
        text.push_str(
            &entry
                .replace("[24]:[172.16.2.0]", &format!("[32]:[{prefix}]"))
                .replace(
                    "\"ipLen\":24,\"ip\":\"172.16.2.0\"",
                    &format!("\"ipLen\":32,\"ip\":\"{prefix}\""),
                )
                .replace("100.65.0.2", &vtep),
        );
    }
    text.push_str(&format!(
        "}}\n,\"numPrefix\":{routes},\"numPaths\":{routes}}}\n"
    ));
    Ok(text.into_bytes())
}

fn captured_entry() -> Result<&'static str, Failure> {
    const END: &str = "}]]}";
    let range: Option<Range<usize>> = CAPTURE.find(ENTRY).and_then(|start| {
        let length = CAPTURE.get(start..)?.find(END)?;
        Some(start..start + length + END.len())
    });
    let entry = range.and_then(|range| CAPTURE.get(range));
    entry.ok_or_else(|| format!("the capture of bgpd's Type-5 table has no entry {ENTRY}").into())
}
