use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::EnvFilter;

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written of one step of a pass.
fn written(format: LogFormat, colour: bool) -> String {
    let paper = Paper::default();
    let to = paper.clone();
    let subscriber = subscriber(format, EnvFilter::new("info"), colour, move || to.clone());
    tracing::subscriber::with_default(subscriber, || {
        let pass = tracing::info_span!("pass", cause = "kernel").entered();
        let object = tracing::info_span!("steps", of = "L3VNI default/red").entered();
        tracing::info!("+ router: link red");
        tracing::debug!("not of interest");
        drop((object, pass));
    });
    let bytes = paper.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn text_is_a_line_without_colour_codes() {
    let text = written(LogFormat::Text, false);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains('\x1b'), "{text:?}");
    for part in [
        "INFO",
        "pass{cause=\"kernel\"}",
        "+ router: link red",
        "L3VNI",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_terminal_is_shown_colours() {
    assert!(written(LogFormat::Text, true).contains('\x1b'));
}

#[test]
fn json_is_a_document_a_line_with_its_spans() {
    for colour in [false, true] {
        let text = written(LogFormat::Json, colour);
        assert_eq!(text.lines().count(), 1, "{text}");
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["message"], "+ router: link red");
        assert_eq!(told["level"], "INFO");
        assert_eq!(told["spans"][0]["name"], "pass");
        assert_eq!(told["spans"][0]["cause"], "kernel");
        assert_eq!(told["spans"][1]["of"], "L3VNI default/red");
    }
}
