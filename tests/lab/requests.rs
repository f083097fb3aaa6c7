//! What can be asked of a lab that is up: on both kernels alike.

use crate::harness::{Backend, Lab, perouter, text};

fn requests(backend: Backend) {
    let lab = Lab::new("frr-only", backend);
    lab.up();
    let processes = lab.await_begin();
    status_and_output_pass(&lab);
    input_passes(&lab);
    nodes_are_apart(&lab);
    refusals_say_why(&lab);
    a_command_ends_with_its_client(&lab);
    lab.down();
    lab.assert_gone(&processes);
}

#[test]
fn requests_on_the_hosts_kernel() {
    requests(Backend::Native);
}

#[test]
fn requests_in_user_mode_linux() {
    requests(Backend::Uml);
}

fn status_and_output_pass(lab: &Lab) {
    let output = lab.exec("r1", &["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(
        (text(&output.stdout).as_str(), text(&output.stderr).as_str()),
        ("out\n", "err\n")
    );
    let output = lab.exec("r1", &["sh", "-c", "kill -9 $$"]);
    assert_eq!(output.status.code(), Some(128 + 9));
    // Far more than fits into any buffer on the way.
    let output = lab.exec("r2", &["head", "-c", "30000000", "/dev/zero"]);
    assert_eq!(output.stdout.len(), 30_000_000);
    // A daemon that keeps its output open does not keep the client.
    let output = lab.exec("r2", &["sh", "-c", "sleep 1000 & echo started"]);
    assert_eq!(text(&output.stdout), "started\n");
}

fn input_passes(lab: &Lab) {
    let input: Vec<u8> = (0..400_000_u32).flat_map(u32::to_be_bytes).collect();
    let output = lab.exec_with_input("r1", &["cat"], &input);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        output.stdout == input,
        "{} bytes came back",
        output.stdout.len()
    );
}

fn nodes_are_apart(lab: &Lab) {
    for (node, mine, other) in [
        ("r1", "172.31.1.1", "172.31.2.1"),
        ("r2", "172.31.2.1", "172.31.1.1"),
    ] {
        let output = lab.exec(node, &["hostname"]);
        assert_eq!(text(&output.stdout), format!("{node}\n"));
        let addresses = text(&lab.exec(node, &["ip", "-brief", "address"]).stdout);
        assert!(
            addresses.contains(mine) && !addresses.contains(other),
            "{addresses}"
        );
        // Its own processes only: its first one is ours, and there is one zebra.
        let processes = text(&lab.exec(node, &["ps", "-e", "-o", "pid,comm"]).stdout);
        assert_eq!(processes.matches("zebra").count(), 1, "{processes}");
    }
    let written = lab.exec(
        "r1",
        &["sh", "-c", "echo mine > /etc/motd; echo mine > /run/x"],
    );
    assert!(written.status.success(), "{}", text(&written.stderr));
    let read = lab.exec("r2", &["cat", "/etc/motd", "/run/x"]);
    assert!(
        !text(&read.stdout).contains("mine"),
        "{}",
        text(&read.stdout)
    );
    let write = lab.exec("r1", &["sh", "-c", "echo x >> /etc/frr/frr.conf"]);
    assert!(!write.status.success(), "a read-only bind can be written");
}

fn refusals_say_why(lab: &Lab) {
    let output = lab.exec("r3", &["true"]);
    assert!(text(&output.stderr).contains("there is no node r3; there are r1, r2"));
    let output = lab.exec("r1", &["no-such-program"]);
    assert!(
        text(&output.stderr).contains("no-such-program"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(1));
    let output = lab.try_up();
    assert!(
        text(&output.stderr).contains("is up already"),
        "{}",
        text(&output.stderr)
    );
    assert!(!output.status.success());
    let output = perouter(&["status", &lab.name]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert_eq!(
        text(&output.stdout).matches("ready").count(),
        2,
        "{}",
        text(&output.stdout)
    );
    let output = perouter(&["exec", "no-such-lab", "r1", "true"])
        .output()
        .unwrap();
    assert!(text(&output.stderr).contains("no lab named no-such-lab is up"));
}

fn a_command_ends_with_its_client(lab: &Lab) {
    let mut client = perouter(&["exec", &lab.name, "r1", "sleep", "98765"])
        .spawn()
        .unwrap();
    let runs = || text(&lab.exec("r1", &["ps", "-e", "-o", "args"]).stdout).contains("sleep 98765");
    crate::harness::wait_for("the command runs", || runs().then_some(()));
    client.kill().unwrap();
    client.wait().unwrap();
    crate::harness::wait_for("the command has ended", || (!runs()).then_some(()));
}
