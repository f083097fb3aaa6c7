//! placeholder
use crate::frr::Frr;
use crate::intent::NodeIntent;
use crate::netlink::Kernel;
use crate::plan::link::SeenKernel;
use crate::verify::Facts;
pub(super) async fn gather(
    _: &mut Frr,
    _: Option<&Kernel>,
    seen: Option<&SeenKernel>,
    _: &NodeIntent,
) -> Facts {
    let mut f = Facts::default();
    if let Some(s) = seen {
        f.kernel = Ok(s.clone());
    }
    f
}
pub(super) async fn frr_version(_: &mut Frr) -> Option<String> {
    None
}
