//! The page on this node in a real browser, at the width of a phone and of a desk, light and dark,
//! without JavaScript. Pictures of it are in `target/browser/`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it found by failing"
)]

mod chromium;
mod node;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chromium::{Chromium, Colours, Page, Screen};
use perouter::status::metrics::Meters;
use perouter::status::serve::{Pulse, Server, View};
use perouter::status::{Report, Verdict};
use tokio::sync::watch;

const PHONE: Screen = Screen {
    name: "phone",
    width: 360,
    height: 780,
};
const DESK: Screen = Screen {
    name: "desk",
    width: 1280,
    height: 900,
};

/// A server whose report can be changed.
struct Served {
    reports: watch::Sender<Option<Arc<Report>>>,
    address: String,
    _server: Server,
}

impl Served {
    fn new() -> Self {
        let (reports, published) = watch::channel(None);
        let view = View {
            reports: published,
            pulse: Arc::new(Pulse::default()),
            meters: Meters::new(["start"]),
        };
        let server = Server::start("127.0.0.1:0".parse().unwrap(), view);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let at = runtime.block_on(server.listening()).expect("it listens");
        Self {
            reports,
            address: format!("http://{at}"),
            _server: server,
        }
    }

    fn show(&self, report: Report) {
        self.reports.send_replace(Some(Arc::new(report)));
    }
}

fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/browser");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What must hold of a page, whatever it shows.
fn must_be_sound(page: &mut Page<'_>, served: &Served, what: &str, screen: Screen) {
    let wide = page.content_width();
    assert!(
        wide <= f64::from(screen.width),
        "{what}: {wide} px wide on {} px",
        screen.width
    );
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{what}: {complaints:?}");
    let own = format!("{}/", served.address);
    let foreign: Vec<_> = page
        .requests()
        .iter()
        .filter(|url| !url.starts_with(&own) && !url.starts_with("data:"))
        .collect();
    assert!(foreign.is_empty(), "{what} asks {foreign:?}");
    // The style was let in by the policy, and is in force.
    assert_eq!(
        page.value("getComputedStyle(document.body).maxWidth"),
        "1280px"
    );
    assert_eq!(page.value("String(document.scripts.length)"), "0", "{what}");
}

#[test]
fn it_fits_every_screen_and_asks_nobody_else() {
    let chromium = Chromium::start();
    let served = Served::new();
    let scenes: BTreeMap<&str, Report> = [
        ("ready", node::ready(3)),
        ("broken", node::broken()),
        ("hostile", node::hostile()),
        ("thousand", node::ready(1000)),
    ]
    .into();
    for (name, report) in scenes {
        served.show(report);
        for screen in [PHONE, DESK] {
            for colours in [Colours::Light, Colours::Dark] {
                let what = format!("{name}-{}-{}", screen.name, colours.name());
                let mut page = chromium.page(screen, colours);
                page.open(&format!("{}/", served.address));
                must_be_sound(&mut page, &served, &what, screen);
                let picture = pictures().join(format!("{what}.png"));
                std::fs::write(&picture, page.picture()).unwrap();
            }
        }
    }
}

#[test]
fn all_of_a_thousand_vnis_can_be_shown() {
    let chromium = Chromium::start();
    let served = Served::new();
    served.show(node::ready(1000));
    let mut page = chromium.page(PHONE, Colours::Light);
    page.open(&format!("{}/", served.address));
    let rows = "String(document.querySelectorAll('#vnis tbody tr').length)";
    assert_eq!(page.value(rows), "50");
    page.open(&format!("{}/?all", served.address));
    assert_eq!(page.value(rows), "1000");
    must_be_sound(&mut page, &served, "all of a thousand", PHONE);
}

/// Nobody presses a button, and no script runs.
#[test]
fn it_follows_the_node_by_itself() {
    let chromium = Chromium::start();
    let served = Served::new();
    let mut page = chromium.page(DESK, Colours::Light);
    page.open(&format!("{}/", served.address));
    assert_eq!(page.value("document.title"), "perouter is starting");
    let report = node::broken();
    assert_eq!(report.verdict, Verdict::NotReady);
    served.show(report);
    page.wait_for_reload(Duration::from_secs(60));
    assert_eq!(page.value("document.title"), "Not ready node1");
}

/// Each heading leads on by one level, each table's column and row has its head, and each link
/// within the page leads somewhere.
#[test]
fn it_can_be_heard_as_well_as_seen() {
    let chromium = Chromium::start();
    let served = Served::new();
    served.show(node::broken());
    let mut page = chromium.page(PHONE, Colours::Light);
    page.open(&format!("{}/", served.address));
    let headings = "[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName[1]).join('')";
    let headings = page.value(headings);
    assert!(headings.starts_with('1'), "{headings}");
    assert_eq!(headings.matches('1').count(), 1, "{headings}");
    assert!(!headings.contains("13"), "{headings}");
    for (selector, rule) in [
        ("thead th", "e.scope == 'col'"),
        (
            "tbody tr",
            "e.querySelectorAll('th[scope=row]').length == 1",
        ),
        (
            "tbody tr",
            "e.children.length == e.closest('table').querySelectorAll('thead th').length",
        ),
        (
            "[aria-labelledby]",
            "document.getElementById(e.getAttribute('aria-labelledby'))",
        ),
        ("nav a", "document.querySelector(e.getAttribute('href'))"),
        ("html", "e.lang == 'en'"),
    ] {
        let all = format!("[...document.querySelectorAll({selector:?})]");
        let count = page.value(&format!("String({all}.length)"));
        assert_ne!(count, "0", "{selector}");
        let wrong = page.value(&format!(
            "{all}.filter(e => !({rule})).map(e => e.outerHTML).join(' ')"
        ));
        assert_eq!(wrong, "", "{selector}: {rule}");
    }
}
