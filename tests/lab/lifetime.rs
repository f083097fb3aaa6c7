//! However a lab ends, nothing of it remains.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Backend, Lab, perouter, text};

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

/// Sends `name` to `perouter lab COMMAND` while the lab is being built.
fn interrupted(backend: Backend, command: &str, name: Signal) {
    let lab = Lab::new("frr-only", backend);
    let client = lab.begin(command);
    let processes = lab.await_begin();
    signal(client.id(), name);
    let output = client.wait_with_output().unwrap();
    if name == Signal::SIGKILL {
        assert_eq!(output.status.code(), None);
    } else {
        assert_eq!(
            output.status.code(),
            Some(128 + name as i32),
            "{}",
            text(&output.stderr)
        );
    }
    lab.assert_gone(&processes);
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    interrupted(Backend::Native, "up", Signal::SIGINT);
    interrupted(Backend::Native, "up", Signal::SIGTERM);
    interrupted(Backend::Native, "up", Signal::SIGKILL);
}

#[test]
fn an_interrupted_test_leaves_nothing() {
    interrupted(Backend::Uml, "test", Signal::SIGINT);
    interrupted(Backend::Uml, "test", Signal::SIGKILL);
}

fn supervisor_killed(backend: Backend) {
    let lab = Lab::new("frr-only", backend);
    lab.up();
    let processes = lab.await_begin();
    signal(processes.supervisor, Signal::SIGKILL);
    lab.assert_gone(&processes);
    // And its name is free again.
    lab.up();
    lab.down();
}

#[test]
fn a_killed_supervisor_leaves_nothing_on_the_hosts_kernel() {
    supervisor_killed(Backend::Native);
}

#[test]
fn a_killed_supervisor_leaves_nothing_in_user_mode_linux() {
    supervisor_killed(Backend::Uml);
}

#[test]
fn a_wrong_configuration_fails_with_frrs_own_words() {
    let lab = Lab::new("frr-only", Backend::Native);
    lab.edit("frr-only/r2.conf", |text| {
        text.replace("router bgp", "rooter bgp")
    });
    let output = lab.try_up();
    assert!(!output.status.success());
    let errors = text(&output.stderr);
    assert!(
        errors.contains("node r2") && errors.contains("rooter bgp 65002"),
        "{errors}"
    );
    assert!(!lab.folder().exists());
}

#[test]
fn a_command_that_fails_fails_the_lab() {
    let lab = Lab::new("frr-only", Backend::Native);
    lab.edit_topology(|text| text.replace("10.1.0.2/24 dev eth1", "10.1.0.2/24 dev eth7"));
    let output = lab.try_up();
    assert!(!output.status.success());
    let errors = text(&output.stderr);
    assert!(errors.contains("eth7"), "{errors}");
    assert!(errors.contains("Cannot find device"), "{errors}");
    assert!(!lab.folder().exists());
}

#[test]
fn a_lab_that_hangs_fails_at_its_deadline() {
    let lab = Lab::new("frr-only", Backend::Native);
    lab.edit_topology(|text| text.replace("ip address add 10.1.0.2/24 dev eth1", "sleep 1000"));
    let mut command = perouter(&["up", &lab.topology.to_string_lossy()]);
    let output = command
        .args(["--backend", "native", "--deadline", "5"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("not up after"),
        "{}",
        text(&output.stderr)
    );
    assert!(!lab.folder().exists());
}

#[test]
fn a_ping_without_answer_fails_the_test() {
    let lab = Lab::new("frr-only", Backend::Native);
    lab.edit("frr-only/checks.yaml", |text| {
        text.replace("to: 172.31.2.1}", "to: 203.0.113.1}")
    });
    let mut command = perouter(&["test", &lab.topology.to_string_lossy()]);
    let output = command
        .args(["--backend", "native", "--deadline", "8"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        text(&output.stdout).contains("FAILED"),
        "{}",
        text(&output.stdout)
    );
    assert!(
        text(&output.stderr).contains("1 of 2 pings"),
        "{}",
        text(&output.stderr)
    );
    assert!(!lab.folder().exists());
}

#[test]
fn two_labs_run_side_by_side() {
    let (one, two) = (
        Lab::new("frr-only", Backend::Native),
        Lab::new("frr-only", Backend::Native),
    );
    one.up();
    two.up();
    let processes = one.await_begin();
    one.down();
    one.assert_gone(&processes);
    let output = two.exec("r1", &["vtysh", "-c", "show version"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    two.down();
}
