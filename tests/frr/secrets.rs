//! A BGP password reaches FRR and nothing else: no error, no log, no plan.

use std::io::Write;
use std::sync::{Arc, Mutex};

use perouter::api::Families;
use perouter::frr::Mode;
use perouter::intent::NodeIntent;
use perouter::plan::Step;
use perouter::plan::bgp::desired::Monitoring;
use perouter::plan::bgp::difference::ContextChange;
use perouter_parsers::running_config::Line;

use crate::bed::{Bed, take};
use crate::intents::{asn, changed, password, plain, with_neighbor};

/// What no output may hold.
const PASSWORD: &str = "hunter2-hunter2";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Logs everything, of every thread of this test, down to the last detail.
fn log_everything() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

fn with_password() -> NodeIntent {
    with_neighbor(|neighbor| neighbor.password = Some(password(PASSWORD)))
}

fn hidden(what: &str, text: &str) {
    assert!(
        !text.contains(PASSWORD),
        "the password is in {what}: {text}"
    );
}

/// On one thread, which is the one whose log is kept.
#[tokio::test]
async fn a_password_that_is_set_and_taken_back() {
    let (log, _guard) = log_everything();
    let mut bed = Bed::new(Mode::Off);
    bed.lead("without", &plain()).await;
    let steps = bed.remaining(&with_password()).await;
    assert_eq!(steps.len(), 1, "one change sets the password");
    for step in &steps {
        let Step::Bgp(change) = step else {
            panic!("a change of bgpd")
        };
        for command in change.commands() {
            hidden("a command's text for people", &command.to_string());
            hidden("a command's debug text", &format!("{command:?}"));
        }
        hidden("a step's debug text", &format!("{step:?}"));
        tracing::info!("{step:?}");
        take(&mut bed.driver, step).await.unwrap();
    }
    assert!(bed.running().contains(PASSWORD), "FRR has the password");
    hidden("the driver's debug text", &format!("{:?}", bed.driver));
    bed.lead("without again", &plain()).await;
    assert!(!bed.running().contains(PASSWORD));
    let log = log.text();
    assert!(
        log.contains("neighbor 10.9.0.2 password ****"),
        "the command was logged:\n{log}"
    );
    hidden("the log", &log);
}

/// Demands that a refused change that sets a password tells nothing of it.
async fn refused_with_password(lines: &[String], header: &str) {
    let (log, _guard) = log_everything();
    let mut bed = Bed::new(Mode::Off);
    bed.lead("without", &plain()).await;
    let running = bed.driver.observe().await.unwrap().bgp;
    let mut body = running.context(header).cloned().unwrap_or_default();
    for line in lines {
        body.push(line).unwrap();
    }
    let header = Line::new(header).unwrap();
    let change = ContextChange::towards(&running, &header, Some(&body)).unwrap();
    let error = bed.driver.change_bgp(&change).await.unwrap_err();
    hidden("the error", &error.to_string());
    hidden("the error's debug text", &format!("{error:?}"));
    hidden("the log", &log.text());
    assert!(!bed.running().contains(PASSWORD), "the password stayed");
}

#[tokio::test]
async fn a_password_before_a_line_that_is_refused() {
    let lines = [
        format!("neighbor 10.9.0.2 password {PASSWORD}"),
        "nonsense".to_owned(),
    ];
    refused_with_password(&lines, "router bgp 64514").await;
}

#[tokio::test]
async fn a_password_of_a_neighbour_that_is_not_there() {
    let lines = [format!("neighbor 10.9.0.99 password {PASSWORD}")];
    refused_with_password(&lines, "router bgp 64514").await;
}

#[tokio::test]
async fn a_password_that_is_too_long_for_frr() {
    let lines = [format!(
        "neighbor 10.9.0.2 password {}",
        PASSWORD.repeat(20)
    )];
    refused_with_password(&lines, "router bgp 64514").await;
}

#[tokio::test]
async fn a_password_in_a_line_that_frr_repeats_in_its_refusal() {
    let lines = [format!("neighbour 10.9.0.2 password {PASSWORD}")];
    refused_with_password(&lines, "router bgp 64514").await;
}

/// A password that cannot be typed is refused on the way, and not repeated.
#[test]
fn a_password_that_cannot_be_typed() {
    for text in [
        format!("{PASSWORD} | x"),
        format!("{PASSWORD}\nno router bgp"),
        format!("{PASSWORD}\0"),
    ] {
        let intent = with_neighbor(|neighbor| neighbor.password = Some(password(&text)));
        let error = perouter::plan::bgp::desired::desired(&intent, Monitoring::Unavailable)
            .expect_err("cannot be typed");
        hidden("the error", &error.to_string());
    }
}

/// A whole intent, as logs and panics would print it.
#[test]
fn an_intent_hides_its_passwords() {
    let intent = changed(with_password(), |underlay| {
        underlay.spec.asn = asn(64999);
        underlay.spec.neighbors[0].families = Families::Derived;
    });
    hidden("an intent's debug text", &format!("{intent:?}"));
}
