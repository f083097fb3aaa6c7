//! What the kernel lacks is asked once, whatever becomes of the rest.

use std::cell::RefCell;

use super::*;

fn refused(said: &str) -> FirewallError {
    FirewallError::Refused {
        command: "nft -f -".to_owned(),
        said: said.to_owned(),
    }
}

#[test]
fn a_kernel_without_the_family_is_asked_once_even_if_the_other_backend_fails() {
    let (lacks_inet, asked) = (OnceLock::new(), RefCell::new(Vec::new()));
    let try_out = |backend| {
        asked.borrow_mut().push(backend);
        Err(match backend {
            Backend::Nftables => refused("Error: Could not process rule: Operation not supported"),
            Backend::Legacy => refused("no iptables either"),
        })
    };
    for _ in 0..3 {
        let error = choose(&lacks_inet, try_out).unwrap_err();
        assert!(error.to_string().contains("no iptables either"), "{error}");
    }
    use Backend::{Legacy, Nftables};
    assert_eq!(*asked.borrow(), [Nftables, Legacy, Legacy, Legacy]);
}

#[test]
fn any_other_failure_of_nftables_is_told_and_asked_again() {
    let (lacks_inet, asked) = (OnceLock::new(), RefCell::new(Vec::new()));
    let try_out = |backend| {
        asked.borrow_mut().push(backend);
        Err(refused("Operation not permitted"))
    };
    for _ in 0..2 {
        let error = choose(&lacks_inet, try_out).unwrap_err();
        assert!(error.to_string().contains("not permitted"), "{error}");
    }
    assert_eq!(*asked.borrow(), [Backend::Nftables, Backend::Nftables]);
}
