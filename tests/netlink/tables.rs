//! Tables of others, which no new VRF may get. No VRF is made here: what is to be made is seen.

use std::sync::Arc;

use perouter::agent::vrf_tables::clear_of_others;
use perouter::netlink::ObserveError;
use perouter::plan::kernel::plan_links;
use perouter::plan::link::{LinkKind, SeenKernel, TableId};
use perouter::plan::{Leftover, Plan};

use crate::bed::{Bed, link};

async fn bed() -> Bed {
    let bed = Bed::new().await;
    let router = &bed.router;
    router.ip("rule add from 192.0.2.1 lookup 1000100");
    router.ip("-6 rule add from 2001:db8::1 lookup 1000101");
    router.ip("route add blackhole 198.51.100.0/24 table 1000102");
    router.ip("-6 route add blackhole 2001:db8:1::/48 table 1000103");
    router.ip("route add blackhole 198.51.100.0/24 proto bgp table 1000104");
    router.ip("route add blackhole 203.0.113.0/24 proto zebra table 1000104");
    bed
}

/// Seen to fail: when no rule's table is read, and when a table of FRR's routes counts.
#[tokio::test]
async fn they_are_seen_by_their_rules_and_found_by_their_routes() {
    let bed = bed().await;
    let seen = bed.observe().await.tables_of_others;
    // The kernel's own rules are for local, main and default.
    assert_eq!(seen, [253, 254, 255, 1_000_100, 1_000_101].into());
    let found = bed.kernel.tables_of_others(1_000_100..1_000_106).await;
    assert_eq!(found.unwrap(), [1_000_102, 1_000_103].into());
}

/// What a VRF would be made with for which this table was derived.
async fn chosen(bed: &Bed, table: TableId) -> Vec<TableId> {
    let red = [link("red", LinkKind::Vrf { table })];
    let plan = |seen: &Arc<SeenKernel>| {
        let steps = plan_links(&red, seen).unwrap();
        Ok::<_, ObserveError>(Plan {
            sweep: vec![Leftover { steps }],
            ..Plan::default()
        })
    };
    let seen = Arc::new(bed.observe().await);
    let plan = clear_of_others(&bed.kernel, seen, plan).await.unwrap();
    plan.new_tables().collect()
}

/// Seen to fail: when no table is asked for, and when it is asked once only.
#[tokio::test]
async fn a_vrf_gets_the_next_that_is_free() {
    const NEXT: TableId = 1 << 24;
    let bed = bed().await;
    for table in 1_000_100..1_000_104 {
        assert_eq!(chosen(&bed, table).await, [table + NEXT], "for {table}");
    }
    for table in [1_000_104, 1_000_105] {
        assert_eq!(chosen(&bed, table).await, [table]);
    }
    let next = 1_000_102 + NEXT;
    bed.router
        .ip(&format!("route add blackhole 203.0.113.0/24 table {next}"));
    assert_eq!(chosen(&bed, 1_000_102).await, [next + NEXT]);
    // Who is gone leaves the table to us again: the same then as on every node.
    bed.router.ip("route flush table 1000102");
    assert_eq!(chosen(&bed, 1_000_102).await, [1_000_102]);
}
