//! The manifests in `deploy/`: each says only what Kubernetes knows, and all fit together.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it found by failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const GROUP: &str = "network.openperouter.io";

/// What the component adds, and everything else.
const FOLDERS: [&str; 2] = ["kubernetes", "components/monitoring"];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(path: &Path) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document(path: &str) -> Value {
    let mut documents = documents(&deploy().join(path));
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

/// The YAML files of a folder, by name.
fn files(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(deploy().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.ends_with(".yaml") && name != "kustomization.yaml")
        .map(|name| format!("{folder}/{name}"))
        .collect()
}

/// All objects but for the definitions of our kinds.
fn objects() -> Vec<Value> {
    let files = FOLDERS.into_iter().flat_map(files);
    files
        .flat_map(|file| documents(&deploy().join(file)))
        .collect()
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn of_kind(wanted: &str) -> Vec<Value> {
    let objects = objects();
    objects
        .into_iter()
        .filter(|object| kind(object) == wanted)
        .collect()
}

/// DaemonSets and Deployments.
fn workloads() -> Vec<Value> {
    let found = [of_kind("DaemonSet"), of_kind("Deployment")].concat();
    assert_eq!(found.len(), 2);
    found
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn containers(workload: &Value) -> &[Value] {
    list(workload, "/spec/template/spec/containers")
}

fn strings(value: &Value) -> BTreeSet<&str> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_str().unwrap()).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

/// The object as its type has it, which knows no field besides.
fn typed<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
    let read: T = serde_json::from_value(object.clone())
        .unwrap_or_else(|error| panic!("{} {}: {error}", kind(object), name(object)));
    serde_json::to_value(read).unwrap()
}

fn as_kubernetes_has_it(object: &Value) -> Option<Value> {
    Some(match kind(object) {
        "ClusterRole" => typed::<ClusterRole>(object),
        "ClusterRoleBinding" => typed::<ClusterRoleBinding>(object),
        "DaemonSet" => typed::<DaemonSet>(object),
        "Deployment" => typed::<Deployment>(object),
        "Namespace" => typed::<Namespace>(object),
        "NetworkPolicy" => typed::<NetworkPolicy>(object),
        "PodDisruptionBudget" => typed::<PodDisruptionBudget>(object),
        "Role" => typed::<Role>(object),
        "RoleBinding" => typed::<RoleBinding>(object),
        "Service" => typed::<Service>(object),
        "ServiceAccount" => typed::<ServiceAccount>(object),
        "ValidatingWebhookConfiguration" => typed::<ValidatingWebhookConfiguration>(object),
        "PrometheusRule" | "ServiceMonitor" => return None,
        other => panic!("this test does not know {other}"),
    })
}

#[test]
fn every_field_is_one_that_kubernetes_knows() {
    for object in objects() {
        if let Some(known) = as_kubernetes_has_it(&object) {
            assert_eq!(known, object, "{} {}", kind(&object), name(&object));
        }
    }
}

#[test]
fn every_manifest_is_applied_and_has_a_name_of_its_own() {
    let listed = |path: &str| -> BTreeSet<String> {
        let all = document(path);
        strings(&all["resources"])
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let there: BTreeSet<String> = files("kubernetes").union(&files("crds")).cloned().collect();
    assert_eq!(listed("kustomization.yaml"), there);
    let monitoring = listed("components/monitoring/kustomization.yaml").into_iter();
    let monitoring: BTreeSet<String> = monitoring
        .map(|file| format!("components/monitoring/{file}"))
        .collect();
    assert_eq!(monitoring, files("components/monitoring"));
    let mut names = BTreeSet::new();
    for object in objects() {
        let named = format!("{} {}", kind(&object), name(&object));
        assert!(names.insert(named.clone()), "{named} is there twice");
    }
    let namespace = &document("kustomization.yaml")["namespace"];
    assert_eq!(namespace, name(&of_kind("Namespace")[0]));
}

#[test]
fn who_runs_a_pod_may_do_what_it_must_and_its_token_is_for_one_container() {
    let namespace = document("kustomization.yaml")["namespace"].clone();
    let roles = [of_kind("ClusterRole"), of_kind("Role")].concat();
    let bindings = [of_kind("ClusterRoleBinding"), of_kind("RoleBinding")].concat();
    for binding in &bindings {
        let role = &binding["roleRef"];
        let found = roles
            .iter()
            .any(|each| role["kind"] == each["kind"] && role["name"] == name(each));
        assert!(found, "{role}");
    }
    assert_eq!(roles.len(), bindings.len(), "each role is bound once");
    for workload in workloads() {
        let account = &workload["spec"]["template"]["spec"]["serviceAccountName"];
        assert_eq!(account, name(&workload));
        let accounts = of_kind("ServiceAccount");
        let account = accounts.iter().find(|each| account == name(each)).unwrap();
        assert_eq!(account["automountServiceAccountToken"], false);
        let subject =
            json!([{"kind": "ServiceAccount", "name": name(account), "namespace": namespace}]);
        let bound = bindings
            .iter()
            .filter(|binding| binding["subjects"] == subject);
        assert_eq!(
            bound.count(),
            2,
            "{} in the cluster and in its namespace",
            name(account)
        );
        let given = containers(&workload).iter().filter(|container| {
            list(container, "/volumeMounts")
                .iter()
                .any(|mount| mount["name"] == "token")
        });
        assert_eq!(given.count(), 1, "{}", name(&workload));
    }
}

/// What somebody may do with our kinds: a verb, a space, the kind's plural.
fn allowed(role: &str) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for each in [of_kind("ClusterRole"), of_kind("Role")].concat() {
        let rules = list(&each, "/rules").iter();
        for rule in rules.filter(|rule| name(&each) == role && rule["apiGroups"] == json!([GROUP]))
        {
            for verb in strings(&rule["verbs"]) {
                allowed.extend(
                    strings(&rule["resources"])
                        .iter()
                        .map(|kind| format!("{verb} {kind}")),
                );
            }
        }
    }
    allowed
}

#[test]
fn access_is_to_all_kinds_and_no_more() {
    let mut kinds = BTreeSet::new();
    for file in files("crds") {
        let names = document(&file)["spec"]["names"].clone();
        kinds.insert(text(&names, "plural").to_owned());
    }
    assert!(kinds.remove("routernodeconfigurationstatuses"));
    let each = |verb: &str, part: &str| -> Vec<String> {
        kinds
            .iter()
            .map(|kind| format!("{verb} {kind}{part}"))
            .collect()
    };
    let own = |verbs: &[&str], part: &str| -> Vec<String> {
        verbs
            .iter()
            .map(|verb| format!("{verb} routernodeconfigurationstatuses{part}"))
            .collect()
    };
    let reads = [each("list", ""), each("watch", "")].concat();
    let agent = [
        reads.clone(),
        own(&["list", "watch", "create", "patch"], ""),
        own(&["patch"], "/status"),
    ]
    .concat();
    assert_eq!(allowed("perouter-router"), BTreeSet::from_iter(agent));
    let controller = [
        reads,
        each("patch", "/status"),
        own(&["list", "watch", "delete"], ""),
    ]
    .concat();
    assert_eq!(
        allowed("perouter-controller"),
        BTreeSet::from_iter(controller)
    );
}

fn selected<'a>(selector: &Value, labels: impl Iterator<Item = &'a Value>) -> usize {
    let selector = selector.as_object().unwrap();
    assert!(!selector.is_empty());
    labels
        .filter(|labels| selector.iter().all(|(key, value)| &labels[key] == value))
        .count()
}

fn service(wanted: &str) -> Value {
    let services = of_kind("Service").into_iter();
    let mut found = services.filter(|service| name(service) == wanted);
    found
        .next()
        .unwrap_or_else(|| panic!("no Service {wanted}"))
}

#[test]
fn the_webhook_is_asked_of_our_kinds_alone_and_keeps_nobody_from_a_mend() {
    let configuration = &of_kind("ValidatingWebhookConfiguration")[0];
    let [webhook] = list(configuration, "/webhooks") else {
        panic!("not one webhook: {configuration}");
    };
    let kinds = files("crds").into_iter().map(|file| {
        let names = document(&file)["spec"]["names"].clone();
        text(&names, "plural").to_owned()
    });
    let mut kinds: BTreeSet<String> = kinds.collect();
    kinds.remove("routernodeconfigurationstatuses");
    let [rule] = list(webhook, "/rules") else {
        panic!("not one rule: {webhook}");
    };
    let asked: BTreeSet<String> = strings(&rule["resources"])
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(asked, kinds);
    assert_eq!(rule["apiGroups"], json!([GROUP]));
    assert_eq!(rule["operations"], json!(["CREATE", "UPDATE"]));
    assert_eq!(webhook["failurePolicy"], "Ignore");
    assert_eq!(webhook["sideEffects"], "None");
    let called = &webhook["clientConfig"]["service"];
    let service = service(text(called, "name"));
    assert_eq!(called["port"], list(&service, "/spec/ports")[0]["port"]);
    // kustomize puts its namespace there too.
    assert_eq!(
        called["namespace"],
        document("kustomization.yaml")["namespace"]
    );
    let policies = of_kind("NetworkPolicy");
    let ingress = list(&policies[0], "/spec/ingress");
    let open = ingress.iter().flat_map(|rule| list(rule, "/ports"));
    let target = &list(&service, "/spec/ports")[0]["targetPort"];
    assert!(open.map(|port| &port["port"]).any(|port| port == target));
}

/// A policy sees the port of whom a Service leads to, which is another in every cluster: 6443,
/// 8443, 16443.
#[test]
fn the_controller_reaches_an_api_server_at_any_port() {
    let policies = of_kind("NetworkPolicy");
    let [policy] = &policies[..] else {
        panic!("not one policy: {policies:?}");
    };
    assert_eq!(list(policy, "/spec/policyTypes"), ["Ingress", "Egress"]);
    let egress = list(policy, "/spec/egress");
    assert_eq!(egress, [json!({"ports": [{"protocol": "TCP"}]})]);
}

#[test]
fn what_selects_pods_selects_those_of_one_workload() {
    let workloads = workloads();
    let mut selectors: BTreeMap<String, Value> = BTreeMap::new();
    for object in objects() {
        let selector = match kind(&object) {
            "DaemonSet" | "Deployment" | "PodDisruptionBudget" => {
                &object["spec"]["selector"]["matchLabels"]
            }
            "NetworkPolicy" => &object["spec"]["podSelector"]["matchLabels"],
            "Service" => &object["spec"]["selector"],
            _ => continue,
        };
        selectors.insert(
            format!("{} {}", kind(&object), name(&object)),
            selector.clone(),
        );
    }
    assert_eq!(selectors.len(), 6);
    for (who, selector) in selectors {
        let labels = workloads
            .iter()
            .map(|workload| &workload["spec"]["template"]["metadata"]["labels"]);
        assert_eq!(selected(&selector, labels), 1, "{who}");
    }
    let monitor = &of_kind("ServiceMonitor")[0];
    let services = of_kind("Service");
    let labels = services
        .iter()
        .map(|service| &service["metadata"]["labels"]);
    assert_eq!(
        selected(&monitor["spec"]["selector"]["matchLabels"], labels),
        1
    );
    let metrics = service("perouter-router");
    let port = &list(&metrics, "/spec/ports")[0];
    assert_eq!(list(monitor, "/spec/endpoints")[0]["port"], port["name"]);
    for (service, of) in [
        (&metrics, "DaemonSet"),
        (&service("perouter-webhook"), "Deployment"),
    ] {
        let workload = workloads.iter().find(|workload| kind(workload) == of);
        let ports = containers(workload.unwrap())
            .iter()
            .flat_map(|container| list(container, "/ports"));
        let target = &list(service, "/spec/ports")[0]["targetPort"];
        let found = ports.map(|port| &port["name"]).any(|name| name == target);
        assert!(found, "{}", name(service));
    }
    // The alerts ask for this job, which the monitor takes from this label.
    assert_eq!(monitor["spec"]["jobLabel"], "app.kubernetes.io/name");
    assert_eq!(
        metrics["metadata"]["labels"]["app.kubernetes.io/name"],
        "perouter"
    );
}

#[test]
fn probes_and_mounts_find_what_they_name() {
    for workload in workloads() {
        let volumes = list(&workload, "/spec/template/spec/volumes").iter();
        let volumes: BTreeSet<&str> = volumes.map(|volume| text(volume, "name")).collect();
        let mut mounted = BTreeSet::new();
        for container in containers(&workload) {
            let who = format!("{} {}", name(&workload), container["name"]);
            mounted.extend(
                list(container, "/volumeMounts")
                    .iter()
                    .map(|mount| text(mount, "name")),
            );
            let ports = list(container, "/ports").iter();
            let ports: BTreeSet<&str> = ports.map(|port| text(port, "name")).collect();
            for (probe, path) in [
                ("startupProbe", "/startupz"),
                ("livenessProbe", "/livez"),
                ("readinessProbe", "/readyz"),
            ] {
                let asked = &container[probe]["httpGet"];
                if container["name"] == "frr" {
                    assert!(asked.is_null(), "{who}: FRR does not speak HTTP");
                    continue;
                }
                assert_eq!(asked["path"], path, "{who}");
                assert!(ports.contains(text(asked, "port")), "{who}: {asked}");
            }
        }
        assert_eq!(mounted, volumes, "{}", name(&workload));
    }
}

#[test]
fn frr_may_take_as_long_to_start_as_the_agent_that_it_waits_for() {
    let router = &of_kind("DaemonSet")[0];
    let container = |wanted: &str| {
        let found = containers(router).iter().find(|it| it["name"] == wanted);
        found.unwrap()
    };
    let allowed = |container: &Value| {
        let probe = &container["startupProbe"];
        probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap()
    };
    let frr = container("frr");
    assert!(allowed(frr) >= allowed(container("agent")));
    assert_eq!(frr["startupProbe"]["exec"], frr["livenessProbe"]["exec"]);
    // Under podman and systemd nobody looks, and nobody kills what waits.
    for unit in ["podman/perouter-frr.container", "perouter-frr@.service"] {
        let said = read(&deploy().join("systemd").join(unit));
        assert!(
            !said.contains("Health") && !said.contains("Watchdog"),
            "{unit}"
        );
    }
    let image = read(&deploy().join("images/frr.Dockerfile"));
    assert!(!image.contains("HEALTHCHECK"));
}

#[test]
fn every_image_is_one_that_the_kustomization_names() {
    let images = document("kustomization.yaml")["images"].clone();
    let image = |image: &Value| format!("{}:{}", text(image, "name"), text(image, "newTag"));
    let images: BTreeSet<String> = list(&images, "").iter().map(image).collect();
    let version = env!("CARGO_PKG_VERSION");
    let named = ["perouter/frr", "perouter/perouter"].map(|name| format!("{name}:{version}"));
    assert_eq!(images, BTreeSet::from(named));
    let mut used = BTreeSet::new();
    for file in [
        "kubernetes/router.yaml",
        "kubernetes/controller.yaml",
        "components/uninstall/kustomization.yaml",
        "systemd/podman/perouter-agent.container",
        "systemd/podman/perouter-frr.container",
    ] {
        let said = read(&deploy().join(file));
        let words: Vec<&str> = said.split_whitespace().collect();
        let image = |word: &&str| word.strip_prefix("Image=").unwrap_or(word).to_owned();
        let here = words.iter().map(image);
        let here: BTreeSet<String> = here
            .filter(|word| word.starts_with("perouter/") && word.contains(':'))
            .collect();
        assert!(!here.is_empty(), "{file}");
        used.extend(here);
    }
    assert_eq!(used, images);
}

#[test]
fn frr_may_do_the_same_in_a_pod_and_under_podman() {
    let router = &of_kind("DaemonSet")[0];
    let frr = containers(router)
        .iter()
        .find(|container| container["name"] == "frr")
        .unwrap();
    let added = strings(&frr["securityContext"]["capabilities"]["add"]);
    let unit = read(&deploy().join("systemd/podman/perouter-frr.container"));
    let said = unit
        .lines()
        .find_map(|line| line.strip_prefix("AddCapability="))
        .unwrap();
    let said: BTreeSet<&str> = said
        .split(' ')
        .map(|name| name.strip_prefix("CAP_").unwrap())
        .collect();
    assert_eq!(said, added);
}

#[test]
fn the_operators_rule_is_that_of_the_alerts() {
    let rule = document("components/monitoring/prometheus-rule.yaml");
    let alerts = document("prometheus/alerts.yaml");
    assert_eq!(
        rule["spec"], alerts,
        "refresh it with: scripts/prometheus-rule"
    );
}

fn help(command: &str) -> String {
    let said = Command::new(env!("CARGO_BIN_EXE_perouter"))
        .args([command, "--help"])
        .output()
        .unwrap();
    assert!(said.status.success(), "there is no `perouter {command}`");
    String::from_utf8(said.stdout).unwrap()
}

/// Demands that a command takes every option in a command line that begins with its name.
fn assert_known(who: &str, words: &[String]) {
    let help = help(&words[0]);
    let options = words.iter().filter(|word| word.starts_with("--"));
    let options: Vec<&str> = options
        .map(|word| word.split('=').next().unwrap())
        .collect();
    assert!(!options.is_empty(), "{who}");
    for option in options {
        let known = help
            .lines()
            .any(|line| line.split([' ', ',']).any(|word| word == option));
        assert!(known, "{who}: `perouter {}` has no {option}", words[0]);
    }
}

/// What a container of ours is told.
fn arguments(workload: &str) -> Vec<String> {
    let workloads = workloads();
    let workload = workloads.iter().find(|each| name(each) == workload);
    let mut ours = containers(workload.unwrap())
        .iter()
        .filter(|container| container["name"] != "frr");
    let words = list(ours.next().unwrap(), "/args").iter();
    words
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_agent_takes_what_it_is_told() {
    assert_known("the router's pod", &arguments("perouter-router"));
    for (unit, before) in [
        ("perouter-agent.service", "ExecStart=/usr/bin/perouter "),
        ("podman/perouter-agent.container", "Exec="),
    ] {
        let said = read(&deploy().join("systemd").join(unit));
        let line = said.lines().find_map(|line| line.strip_prefix(before));
        let words = line.unwrap().split(' ').map(str::to_owned);
        assert_known(unit, &words.collect::<Vec<_>>());
    }
}

#[test]
fn the_agent_starts_by_the_sample_of_its_environment() {
    let sample = read(&deploy().join("systemd/agent.env"));
    let lines = sample.lines().filter(|line| !line.starts_with('#'));
    let variables: Vec<(&str, &str)> = lines.map(|line| line.split_once('=').unwrap()).collect();
    let known = help("agent");
    for (name, _) in &variables {
        assert!(known.contains(&format!("[env: {name}=")), "{name}");
    }
    // Everything is read before it is missed that there are no manifests.
    let said = Command::new(env!("CARGO_BIN_EXE_perouter"))
        .arg("agent")
        .env_clear()
        .envs(variables)
        .output()
        .unwrap();
    let errors = String::from_utf8(said.stderr).unwrap();
    let next = ["give --config-dir", "run it as root"];
    assert!(next.iter().any(|next| errors.contains(next)), "{errors}");
}

#[test]
fn the_controller_takes_what_it_is_told() {
    assert_known("the controller's pod", &arguments("perouter-controller"));
}
