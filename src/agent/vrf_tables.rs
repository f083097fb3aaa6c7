//! Which tables new VRFs get: none that others use.
//!
//! The routes of all tables are not read in a pass, since with many VRFs there are hundreds of
//! thousands. Only of the tables that VRFs are about to be made with the kernel is asked whether
//! others have routes there; if so, it is planned again with that known.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::netlink::{Kernel, ObserveError};
use crate::plan::Plan;
use crate::plan::link::SeenKernel;

/// Plans until no VRF is to be made with a table that others have routes in.
///
/// # Errors
/// Those of `plan`, and [`ObserveError`] when a table cannot be read.
pub async fn clear_of_others<E: From<ObserveError>>(
    kernel: &Kernel,
    mut seen: Arc<SeenKernel>,
    mut plan: impl FnMut(&Arc<SeenKernel>) -> Result<Plan, E>,
) -> Result<Plan, E> {
    let mut asked = BTreeSet::new();
    loop {
        let planned = plan(&seen)?;
        let tables = planned.new_tables();
        let found = kernel
            .tables_of_others(tables.filter(|table| asked.insert(*table)))
            .await?;
        if found.is_empty() {
            return Ok(planned);
        }
        Arc::make_mut(&mut seen).tables_of_others.extend(found);
    }
}
