//! Best paths that bgpd chooses anew.

use perouter::frr::Mode;

use crate::bed::Bed;
use crate::intents::{bare_vni, vrf, with_vnis};

#[tokio::test]
async fn bgpd_is_had_choose_in_a_vrf_by_both_ip_versions() {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("a VRF", &with_vnis([bare_vni("red", 100)])).await;
    let running = bed.running();
    let [red, green] = ["red", "green"].map(vrf);
    for prefix in ["10.0.0.0/8", "2001:db8::/32"] {
        let prefix = prefix.parse().unwrap();
        bed.driver.choose_anew(Some(&red), prefix).await.unwrap();
    }
    assert_eq!(bed.running(), running, "nothing is configured by it");
    let prefix = "10.0.0.0/8".parse().unwrap();
    let refusal = bed
        .driver
        .choose_anew(Some(&green), prefix)
        .await
        .unwrap_err();
    let refusal = refusal.to_string();
    assert!(
        refusal.contains("Can't find BGP instance green"),
        "{refusal}"
    );
}
