//! A headless Chromium, spoken with over a pipe in its DevTools protocol.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base64::Engine as _;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

/// How long the browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(90);

/// A screen to look at a page on, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What the reader prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    Light,
    Dark,
}

impl Colours {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The browser. It ends with this.
pub(crate) struct Chromium {
    process: Child,
    wire: RefCell<Wire>,
    _folder: tempfile::TempDir,
}

/// The pipes: messages are JSON, each with a NUL at its end.
struct Wire {
    to: File,
    from: Receiver<Value>,
    /// What came while an answer was awaited.
    events: VecDeque<Value>,
    calls: u64,
}

impl Chromium {
    /// Starts one that knows nothing of others.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (to, from) = (folder.path().join("to"), folder.path().join("from"));
        for pipe in [&to, &from] {
            mkfifo(pipe, Mode::from_bits_truncate(0o600)).unwrap();
        }
        // It reads commands from descriptor 3 and answers on 4.
        let process = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<\"$TO\" 4>\"$FROM\"", "sh"])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--no-first-run",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .envs([("TO", &to), ("FROM", &from)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut process = process;
        let wire = Wire::open(to, from).unwrap_or_else(|| {
            let _ = process.kill();
            panic!("chromium does not start; is it installed (scripts/deps)?")
        });
        Self {
            process,
            wire: RefCell::new(wire),
            _folder: folder,
        }
    }

    /// An empty page, where no script of a page runs.
    pub(crate) fn page(&self, screen: Screen, colours: Colours) -> Page<'_> {
        let mut wire = self.wire.borrow_mut();
        let target = wire.call(None, "Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = wire.call(None, "Target.attachToTarget", &attach);
        drop(wire);
        let page = Page {
            browser: self,
            session: attached["sessionId"].as_str().unwrap().to_owned(),
            complaints: Vec::new(),
            requests: Vec::new(),
            loads: 0,
        };
        for domain in ["Page", "Network", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        let metrics = json!({
            "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": screen.width < 600
        });
        page.call("Emulation.setDeviceMetricsOverride", &metrics);
        let prefers = json!({"name": "prefers-color-scheme", "value": colours.name()});
        page.call(
            "Emulation.setEmulatedMedia",
            &json!({"features": [prefers]}),
        );
        page.call(
            "Emulation.setScriptExecutionDisabled",
            &json!({"value": true}),
        );
        page
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Wire {
    /// Opens the pipes; none when nobody opens their other ends.
    fn open(to: std::path::PathBuf, from: std::path::PathBuf) -> Option<Self> {
        let (opened, ready) = mpsc::channel();
        // Opening waits for the other end, for ever if need be.
        std::thread::spawn(move || {
            let to = File::options().write(true).open(to);
            let from = File::open(from);
            let _ = opened.send((to, from));
        });
        let (to, from) = ready.recv_timeout(PATIENCE).ok()?;
        let (to, from) = (to.ok()?, from.ok()?);
        let (heard, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).expect("it speaks JSON");
                if heard.send(message).is_err() {
                    return;
                }
            }
        });
        let mut wire = Self {
            to,
            from: messages,
            events: VecDeque::new(),
            calls: 0,
        };
        wire.call(None, "Browser.getVersion", &json!({}));
        Some(wire)
    }

    /// Has something done, and waits for the answer.
    fn call(&mut self, session: Option<&str>, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self
                .hear(deadline)
                .unwrap_or_else(|| panic!("chromium does not answer {method}"));
            if heard["id"] != self.calls {
                self.events.push_back(heard);
                continue;
            }
            assert!(heard["error"].is_null(), "{method}: {}", heard["error"]);
            return heard["result"].clone();
        }
    }

    fn hear(&mut self, deadline: Instant) -> Option<Value> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.from.recv_timeout(left).ok()
    }
}

/// One page, with all that happened in it.
pub(crate) struct Page<'a> {
    browser: &'a Chromium,
    session: String,
    complaints: Vec<String>,
    requests: Vec<String>,
    loads: u32,
}

impl Page<'_> {
    fn call(&self, method: &str, params: &Value) -> Value {
        let mut wire = self.browser.wire.borrow_mut();
        wire.call(Some(&self.session), method, params)
    }

    /// Opens an address and waits until all of it is there.
    pub(crate) fn open(&mut self, url: &str) {
        let before = self.loads;
        let gone = self.call("Page.navigate", &json!({"url": url}));
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
        self.wait_for_load(before, PATIENCE);
    }

    /// Waits until the page was loaded once more than so far.
    pub(crate) fn wait_for_reload(&mut self, patience: Duration) {
        self.wait_for_load(self.loads, patience);
    }

    fn wait_for_load(&mut self, before: u32, patience: Duration) {
        let deadline = Instant::now() + patience;
        self.take_events();
        while self.loads == before {
            let heard = self.browser.wire.borrow_mut().hear(deadline);
            let event = heard.expect("the page is loaded in time");
            self.note(&event);
        }
    }

    fn take_events(&mut self) {
        loop {
            let mut wire = self.browser.wire.borrow_mut();
            let event = wire
                .events
                .pop_front()
                .or_else(|| wire.from.try_recv().ok());
            drop(wire);
            let Some(event) = event else { return };
            self.note(&event);
        }
    }

    fn note(&mut self, event: &Value) {
        if event["sessionId"] != self.session.as_str() {
            return;
        }
        let params = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Page.loadEventFired" => self.loads += 1,
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap();
                self.requests.push(url.to_owned());
            }
            "Log.entryAdded" | "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" => {
                self.complaints.push(params.to_string());
            }
            _ => {}
        }
    }

    /// What stands on the console, and in the browser's log.
    pub(crate) fn complaints(&mut self) -> &[String] {
        self.take_events();
        &self.complaints
    }

    /// All that was asked for.
    pub(crate) fn requests(&mut self) -> &[String] {
        self.take_events();
        &self.requests
    }

    /// How wide the page is, in CSS pixels, with what lies outside of the screen.
    pub(crate) fn content_width(&self) -> f64 {
        let metrics = self.call("Page.getLayoutMetrics", &json!({}));
        metrics["cssContentSize"]["width"].as_f64().unwrap()
    }

    /// The value of an expression, as the test's own eye on the page: it is no script of the page.
    pub(crate) fn value(&self, expression: &str) -> String {
        let params = json!({"expression": expression, "returnByValue": true});
        let found = self.call("Runtime.evaluate", &params);
        let value = &found["result"]["value"];
        let text = value.as_str().map(ToOwned::to_owned);
        text.unwrap_or_else(|| panic!("{expression}: {found}"))
    }

    /// The whole page as a PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let params = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", &params);
        let data = picture["data"].as_str().unwrap();
        base64::prelude::BASE64_STANDARD.decode(data).unwrap()
    }
}
