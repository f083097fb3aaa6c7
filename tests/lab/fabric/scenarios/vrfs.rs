//! The kernel's part passes its own tests of VRFs, which the machine's kernel may not have, in a
//! node of the lab, whose kernel has them.
//!
//! Seen to fail: with a filter that chooses no test.

use crate::fabric::{Fabric, Failure, NETLINK_TESTS};
use crate::names::NODE2;

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let ran = fabric.run(NODE2, &[NETLINK_TESTS, "vrf::", "--test-threads", "1"])?;
    if ran.status != 0 {
        return Err(format!("status {}:\n{}{}", ran.status, ran.output, ran.errors).into());
    }
    // test result: ok. 5 passed; 0 failed; 0 ignored; …
    let count = |word: &str| -> Option<u32> {
        let (before, _) = ran.output.rsplit_once(&format!(" {word};"))?;
        before.rsplit(' ').next()?.parse().ok()
    };
    match (count("passed"), count("failed"), count("ignored")) {
        (Some(passed @ 1..), Some(0), Some(0)) => {
            Ok(format!("{passed} tests passed, all there are"))
        }
        _ => Err(format!("not all of at least one test passed:\n{}", ran.output).into()),
    }
}
