use super::*;
use crate::status::cluster::routers::{PodName, Router};

fn parsed(line: &[&str]) -> Result<Plugin, clap::Error> {
    Plugin::try_parse_from(std::iter::once(&NAME).chain(line))
}

#[test]
fn the_command_line_is_consistent_and_takes_what_kubectl_takes() {
    Plugin::command().debug_assert();
    let all = ["--context=lab", "--kubeconfig", "config", "-n", "routers"];
    for line in [
        &["status", "-o", "json"][..],
        &["verify"],
        &["verify", "100", "--node", "node-a,node-b", "--node=node-c"],
        &["verify", "172.16.2.0/24", "--timeout", "5", "-o", "yaml"],
    ] {
        assert!(parsed(&[line, &all].concat()).is_ok(), "{line:?}");
    }
    let error = parsed(&["verify", "nonsense"]).err().unwrap().to_string();
    assert!(error.contains("neither a VNI"), "{error}");
}

#[test]
fn completions_name_every_subcommand() {
    for shell in <Shell as clap::ValueEnum>::value_variants() {
        let script = String::from_utf8(script(*shell)).unwrap();
        for name in ["kubectl-perouter", "status", "verify", "completions"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn every_subcommand_has_a_page() {
    let directory = tempfile::tempdir().unwrap();
    crate::cli::man::pages(directory.path()).unwrap();
    for name in ["", "-status", "-verify", "-completions"] {
        let path = directory.path().join(format!("kubectl-perouter{name}.1"));
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.contains(".SH DESCRIPTION"), "{name}: {page}");
    }
}

#[test]
fn a_node_that_is_named_must_have_a_router() {
    let router = |node: &str| Router {
        node: node.to_owned(),
        pod: Ok(PodName {
            namespace: "ns".to_owned(),
            name: format!("router-{node}"),
        }),
    };
    let all = || vec![router("a"), router("b")];
    let named = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        ask::choose(all(), &names)
    };
    assert_eq!(named(&[]).unwrap(), all());
    assert_eq!(named(&["b"]).unwrap(), [router("b")]);
    let error = named(&["c"]).unwrap_err().to_string();
    assert_eq!(error, "no router is on node c; there are: a, b");
}
