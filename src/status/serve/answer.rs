//! What is answered to a request.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode, Uri};

use super::{Site, View, process};
use crate::status::Timestamp;
use crate::status::metrics::{self, Scraped};
use crate::status::page::{self, Length, Refresh};
use crate::status::probe::{self, Outcome, Probe, Wishes};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What is served, for whoever asks for something else.
const PATHS: &str = "there is / (with ?all, ?still), /livez, /readyz, /startupz (with ?verbose, ?exclude=CHECK), /metrics\n";

/// The answer to a request.
pub(super) fn to(site: &impl Site, method: &Method, uri: &Uri) -> Response<Full<Bytes>> {
    let mut answer = if method == Method::GET || method == Method::HEAD {
        site.answer(uri)
    } else {
        let mut refusal = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "nothing can be changed here\n",
        );
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        refusal
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

impl Site for View {
    const WHAT: &'static str = "probes, metrics and the page";

    fn answer(&self, uri: &Uri) -> Response<Full<Bytes>> {
        match uri.path() {
            "/" => return page(self, uri),
            "/metrics" => return metrics(self),
            _ => {}
        }
        let answered = probed(uri, |probe, wishes| {
            let report = self.reports.borrow().clone();
            probe::answer(probe, wishes, report.as_deref(), self.pulse.progress())
        });
        answered.unwrap_or_else(|| missing(PATHS))
    }
}

/// The answer of a probe, if that is what was asked for.
pub(crate) fn probed(
    uri: &Uri,
    answer: impl FnOnce(Probe, &Wishes<'_>) -> (Outcome, String),
) -> Option<Response<Full<Bytes>>> {
    let name = uri.path().strip_prefix('/')?;
    let probe = Probe::ALL.into_iter().find(|probe| name == probe.name())?;
    let (outcome, words) = answer(probe, &wishes(uri));
    let status = match outcome {
        Outcome::Passed => StatusCode::OK,
        Outcome::Failed => StatusCode::SERVICE_UNAVAILABLE,
    };
    Some(text(status, &words))
}

/// The answer to whoever asks for what there is not: what there is.
pub(crate) fn missing(paths: &str) -> Response<Full<Bytes>> {
    text(StatusCode::NOT_FOUND, paths)
}

fn wishes(uri: &Uri) -> Wishes<'_> {
    let mut wishes = Wishes::default();
    for wish in uri.query().unwrap_or_default().split('&') {
        match wish.split_once('=').unwrap_or((wish, "")) {
            ("verbose", _) => wishes.verbose = true,
            ("exclude", name) => wishes.exclude.push(name),
            (_, _) => {}
        }
    }
    wishes
}

fn page(view: &View, uri: &Uri) -> Response<Full<Bytes>> {
    let asks = |word: &str| {
        let mut wishes = uri.query().unwrap_or_default().split('&');
        wishes.any(|wish| wish == word)
    };
    let wishes = page::Wishes {
        length: if asks("all") {
            Length::All
        } else {
            Length::Short
        },
        refresh: if asks("still") {
            Refresh::Never
        } else {
            Refresh::Itself
        },
    };
    let report = view.reports.borrow().clone();
    let progress = view.pulse.progress();
    let html = page::render(report.as_deref(), progress, wishes, Timestamp::now());
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = body(StatusCode::OK, kind, html);
    let headers = response.headers_mut();
    let policy = HeaderValue::from_static(page::POLICY);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn metrics(view: &View) -> Response<Full<Bytes>> {
    let scraped = Scraped {
        report: view.reports.borrow().clone(),
        progress: view.pulse.progress(),
        process: process::this(),
    };
    match metrics::render(&view.meters, scraped) {
        Ok(rendered) => body(
            StatusCode::OK,
            HeaderValue::from_static(metrics::CONTENT_TYPE),
            rendered,
        ),
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the metrics cannot be written: {error}\n"),
        ),
    }
}

fn text(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    body(status, TEXT, words.to_owned())
}

fn body(status: StatusCode, kind: HeaderValue, content: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(content)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
