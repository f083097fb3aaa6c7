use std::path::Path;

use super::{Access, Image, Topology, TopologyError};

const FOLDER: &str = "/";

fn parse(text: &str) -> Result<Topology, TopologyError> {
    Topology::parse(text, Path::new("x.clab.yml"), Path::new(FOLDER))
}

/// The message for a topology whose node `a` also says `extra` (YAML, one line).
fn refusal_of_node(extra: &str) -> String {
    let text = format!(
        "name: x\ntopology:\n  nodes:\n    a:\n      kind: linux\n      image: perouter/lab-frr\n      {extra}\n"
    );
    parse(&text).unwrap_err().to_string()
}

fn refusal_of_link(link: &str) -> String {
    let text = format!(
        "name: x\ntopology:\n  defaults: {{kind: linux, image: perouter/lab-frr}}\n  nodes: {{a: , b: }}\n  links:\n    - {link}\n"
    );
    parse(&text).unwrap_err().to_string()
}

#[test]
fn joins_defaults_kinds_and_nodes() {
    let topology = parse(
        "
name: lab
topology:
  defaults:
    kind: linux
    env: {A: 1, B: default}
    exec: [one]
    network-mode: none
  kinds:
    linux:
      image: perouter/lab-frr:latest
      exec: ['two \"2 2\"']
      sysctls: {net.ipv4.ip_forward: 1}
  nodes:
    r2:
      image: perouter/lab-node
      env: {B: true, C: text}
      exec: [three]
      binds: ['etc:/etc/frr:ro', '/usr:/opt/usr']
      cmd: --flag x
    r1:
  links:
    - endpoints: ['r1:eth1', 'r2:eth1']
    - type: veth
      mtu: 1500
      endpoints:
        - {node: r1, interface: eth2, mac: '02:00:00:00:00:01'}
        - {node: r2, interface: eth2}
",
    )
    .unwrap();
    let [r1, r2] = topology.nodes.as_slice() else {
        panic!("two nodes: {topology:?}")
    };
    assert_eq!((r1.image, r2.image), (Image::Frr, Image::Node));
    assert_eq!(r1.exec, [vec!["one"], vec!["two", "2 2"]]);
    assert_eq!(r2.exec.len(), 3);
    assert_eq!(r2.env["A"], "1");
    assert_eq!(r2.env["B"], "true");
    assert_eq!(r2.cmd, ["--flag", "x"]);
    assert_eq!(r1.sysctls["net.ipv4.ip_forward"], "1");
    assert_eq!(r2.binds[0].source, Path::new("/etc"));
    assert_eq!(r2.binds[0].access, Access::ReadOnly);
    assert_eq!(r2.binds[1].access, Access::ReadWrite);
    assert_eq!((topology.links[0].mtu, topology.links[1].mtu), (9500, 1500));
    assert_eq!(
        topology.links[1].a.mac.as_ref().unwrap().as_str(),
        "02:00:00:00:00:01"
    );
}

#[test]
fn what_is_not_supported_is_named() {
    for (extra, field) in [
        ("ports: ['80:80']", "ports"),
        ("startup-config: x", "startup-config"),
        ("network-mode: bridge", "topology.nodes.a.network-mode"),
        ("stages: {}", "stages"),
    ] {
        let refusal = refusal_of_node(extra);
        assert!(refusal.contains("topology.nodes.a"), "{extra}: {refusal}");
        assert!(refusal.contains(field), "{extra}: {refusal}");
    }
    let refusal = parse("name: x\nprefix: y\ntopology: {nodes: {}}")
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("prefix"), "{refusal}");
}

#[test]
fn what_is_wrong_is_named() {
    for (extra, field, problem) in [
        ("image: alpine", "nodes.a.image", "alpine"),
        ("image: 'perouter/lab-frr:v2'", "nodes.a.image", "tag"),
        ("kind: srl", "nodes.a.kind", "srl"),
        (
            "binds: ['/nowhere/at/all:/x']",
            "nodes.a.binds[0]",
            "No such file",
        ),
        ("binds: ['/etc']", "nodes.a.binds[0]", "SOURCE:TARGET"),
        ("binds: ['/etc:x']", "nodes.a.binds[0]", "absolute"),
        ("binds: ['/etc:/a/../..']", "nodes.a.binds[0]", "absolute"),
        ("binds: ['/etc:/x:z']", "nodes.a.binds[0]", "«z»"),
        ("exec: ['a \"b']", "nodes.a.exec[0]", "not closed"),
        ("exec: ['']", "nodes.a.exec[0]", "empty"),
        ("exec: ['echo $HOME']", "nodes.a.exec[0]", "variables"),
        (
            "exec: ['echo __clabNodeName__']",
            "nodes.a.exec[0]",
            "magic",
        ),
        (
            "sysctls: {kernel.panic: 1}",
            "nodes.a.sysctls",
            "kernel.panic",
        ),
        ("sysctls: {net../x: 1}", "nodes.a.sysctls", "net../x"),
    ] {
        let extra = if extra.starts_with("image") || extra.starts_with("kind") {
            let text = format!(
                "name: x\ntopology:\n  defaults: {{kind: linux, image: perouter/lab-frr}}\n  nodes:\n    a:\n      {extra}\n"
            );
            parse(&text).unwrap_err().to_string()
        } else {
            refusal_of_node(extra)
        };
        assert!(
            extra.contains(field) && extra.contains(problem),
            "{field}, {problem}: {extra}"
        );
    }
}

#[test]
fn links_must_fit_the_nodes() {
    for (link, problem) in [
        ("endpoints: ['a:eth1', 'c:eth1']", "there is no node «c»"),
        (
            "endpoints: ['a:eth1', 'a:eth1']",
            "a:eth1 has a link already",
        ),
        ("endpoints: ['a:eth1', 'b']", "«b» is not NODE:INTERFACE"),
        ("endpoints: ['a:eth1']", "topology.links[0].endpoints"),
        (
            "endpoints: ['a:eth1', 'b:interface-too-long']",
            "interface-too-long",
        ),
        ("endpoints: ['a:lo', 'b:eth1']", "«lo» exists"),
        (
            "endpoints: ['a:eth1', 'host:eth1']",
            "there is no node «host»",
        ),
        (
            "{type: macvlan, endpoints: ['a:eth1', 'b:eth1']}",
            "macvlan",
        ),
        (
            "{type: veth, endpoints: ['a:eth1', 'b:eth1']}",
            "endpoints as node and interface",
        ),
        ("{endpoints: ['a:eth1', 'b:eth1'], vars: {x: 1}}", "vars"),
    ] {
        let refusal = refusal_of_link(link);
        assert!(refusal.contains(problem), "{link}: {refusal}");
    }
}

#[test]
fn names_are_checked() {
    for name in ["", "-a", "a/b", "a b", "../x"] {
        let text = format!("name: '{name}'\ntopology: {{nodes: {{}}}}");
        let refusal = parse(&text).unwrap_err().to_string();
        assert!(refusal.contains("name"), "{refusal}");
    }
}

#[test]
fn an_unreadable_file_is_named() {
    let error = Topology::read(Path::new("/nowhere.clab.yml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere.clab.yml");
}
