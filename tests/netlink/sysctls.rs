//! Sysctls of the router's namespace, and of that namespace only.

use perouter::plan::link::KernelStep;

use crate::bed::Bed;

const FORWARDING: &str = "net/ipv4/conf/all/forwarding";

fn set(key: &str, value: &str) -> KernelStep {
    KernelStep::SetSysctl {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

async fn read(bed: &Bed, key: &str) -> Option<String> {
    let keys = [key.to_owned()];
    let before = bed.kernel.writes();
    let mut seen = bed.kernel.observe(&[], &keys).await.unwrap();
    assert_eq!(bed.kernel.writes(), before);
    seen.sysctls.remove(key)
}

#[tokio::test]
async fn what_is_set_is_read_back_and_stays_in_the_namespace() {
    let bed = Bed::new().await;
    let keys = [
        FORWARDING,
        "net/ipv6/conf/all/forwarding",
        "net/ipv4/conf/all/arp_accept",
    ];
    for key in keys {
        assert_eq!(read(&bed, key).await.as_deref(), Some("0"), "{key}");
        bed.execute(set(key, "1")).await;
        assert_eq!(read(&bed, key).await.as_deref(), Some("1"), "{key}");
        let path = format!("/proc/sys/{key}");
        assert_eq!(bed.router.exec("cat", &path).trim(), "1");
        assert_eq!(bed.host.exec("cat", &path).trim(), "0");
    }
}

#[tokio::test]
async fn a_key_that_this_kernel_does_not_have() {
    let bed = Bed::new().await;
    let key = "net/ipv4/no_such_key";
    assert_eq!(read(&bed, key).await, None);
    let told = bed.refusal(set(key, "1")).await;
    assert!(
        told.contains("this kernel has no sysctl net/ipv4/no_such_key"),
        "{told}"
    );
}

#[tokio::test]
async fn a_value_that_the_kernel_does_not_take() {
    let bed = Bed::new().await;
    let told = bed.refusal(set(FORWARDING, "perhaps")).await;
    assert!(told.contains("refuses \"perhaps\""), "{told}");
    assert!(told.contains("Invalid argument"), "{told}");
    assert_eq!(read(&bed, FORWARDING).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn keys_outside_the_namespace_are_refused() {
    let bed = Bed::new().await;
    for key in [
        "kernel/hostname",
        "net/../kernel/hostname",
        "/proc/sys/net/ipv4/ip_forward",
        "net//ipv4/ip_forward",
        "net",
    ] {
        let told = bed.refusal(set(key, "x")).await;
        assert!(
            told.contains("not a sysctl of a network namespace"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_read_only_proc_is_told_as_such() {
    use std::process::Command;
    // The test runs itself once more, with /proc/sys read-only in a mount namespace of its own.
    const MARK: &str = "PEROUTER_TEST_READ_ONLY";
    if std::env::var_os(MARK).is_some() {
        let bed = Bed::new().await;
        let told = bed.refusal(set(FORWARDING, "1")).await;
        assert!(told.contains("/proc/sys is read-only here"), "{told}");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && \
         exec {} --exact sysctls::a_read_only_proc_is_told_as_such",
        this.display()
    );
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "slave", "sh", "-c", &script])
        .env(MARK, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
