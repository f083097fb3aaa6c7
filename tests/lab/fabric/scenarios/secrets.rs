//! The session with the spine takes its password from a Secret: it is up with the right one; with
//! another one it is down, and that is what is said; and it is up again once the Secret is right.
//! Nobody prints a password.
//!
//! Seen to fail: with a spine that asks for no password.

use std::time::Duration;

use crate::bgp;
use crate::fabric::{Fabric, Failure};
use crate::names::{NODE1, SPINE};
use crate::wait::{seconds, until};

/// How long a session may take to come or go: its hold time is 9 s.
const SHOWN: Duration = Duration::from_secs(40);

const RIGHT: &str = "correct-horse";
const WRONG: &str = "battery-staple";

/// The underlay's neighbour names the Secret.
const NAMED: &str =
    r"sed -i '/connectTimeSeconds/a\      passwordSecret: spine' /etc/perouter/underlay.yaml";

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let outcome = sealed(fabric);
    spine(fabric, "no neighbor 10.0.1.2 password")?;
    fabric.shell(
        NODE1,
        "cp /etc/lab/manifests/underlay.yaml /etc/perouter/; rm -f /etc/perouter/zz-secret.yaml",
    )?;
    fabric.ready(NODE1, SHOWN)?;
    outcome
}

fn sealed(fabric: &Fabric) -> Result<String, Failure> {
    let before = bgp::sessions(fabric)?;
    secret(fabric, RIGHT)?;
    fabric.shell(NODE1, NAMED)?;
    spine(fabric, &format!("neighbor 10.0.1.2 password {RIGHT}"))?;
    let (_, up) = until(SHOWN, "the session has the password", || {
        let running = fabric.router_vtysh(NODE1, &["show running-config bgpd"])?;
        if !running.contains(&format!("neighbor 10.0.1.1 password {RIGHT}")) {
            return Ok(Err("FRR has no such password".to_owned()));
        }
        fabric.verified(NODE1).map(|said| said.map(|_| ()))
    })?;

    secret(fabric, WRONG)?;
    let (_, down) = until(SHOWN, "the session is down", || {
        let report = fabric.report(NODE1)?;
        let mut bad = report.findings.iter().filter(|finding| finding.is_bad());
        Ok(match bad.next() {
            Some(finding) if finding.check.name() == "underlay-session" => Ok(()),
            other => Err(format!("{other:?}, {}", report.cause)),
        })
    })?;
    secret(fabric, RIGHT)?;
    let back = fabric.ready(NODE1, SHOWN)?;
    let sessions = bgp::undisturbed(&before, &bgp::sessions(fabric)?, is_others)?;
    unprinted(fabric)?;
    Ok(format!(
        "up with the Secret's password after {}, down after {} with another one, back after {}; \
         {sessions} other sessions undisturbed; no password printed",
        seconds(up),
        seconds(down),
        seconds(back)
    ))
}

/// Has the Secret hold a password.
fn secret(fabric: &Fabric, password: &str) -> Result<(), Failure> {
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/basic-auth\n\
         metadata: {{name: spine, namespace: perouter-system}}\n\
         stringData: {{password: {password}}}\n"
    );
    let write = format!(
        "printf '%s' '{manifest}' > /run/lab-secret; mv /run/lab-secret /etc/perouter/zz-secret.yaml"
    );
    fabric.shell(NODE1, &write)?;
    Ok(())
}

fn spine(fabric: &Fabric, line: &str) -> Result<(), Failure> {
    fabric.vtysh(SPINE, &["configure terminal", "router bgp 64512", line])?;
    Ok(())
}

/// Sessions that the password has no part in.
fn is_others(name: &str) -> bool {
    let of_link = name.contains("10.0.1.1") || name.contains("10.0.1.2");
    !of_link
}

/// Neither the status nor the log holds one of the passwords.
fn unprinted(fabric: &Fabric) -> Result<(), Failure> {
    let log = fabric.ask(NODE1, &["cat", "/var/log/perouter/agent.log"])?;
    let status = fabric.words(NODE1)?;
    for password in [RIGHT, WRONG] {
        for (what, text) in [("log", &log), ("status", &status)] {
            if text.contains(password) {
                return Err(format!("the {what} holds the password {password:?}").into());
            }
        }
    }
    Ok(())
}
