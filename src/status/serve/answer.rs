//! What is answered to a request.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode, Uri};

use super::{View, process};
use crate::status::Timestamp;
use crate::status::metrics::{self, Scraped};
use crate::status::page::{self, Length, Refresh};
use crate::status::probe::{self, Outcome, Probe, Wishes};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What is served, for whoever asks for something else.
const PATHS: &str = "there is / (with ?all, ?still), /livez, /readyz, /startupz (with ?verbose, ?exclude=CHECK), /metrics\n";

/// The answer to a request.
pub(super) fn to(view: &View, method: &Method, uri: &Uri) -> Response<Full<Bytes>> {
    let mut answer = if method == Method::GET || method == Method::HEAD {
        of(view, uri)
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

fn of(view: &View, uri: &Uri) -> Response<Full<Bytes>> {
    let path = uri.path();
    match path {
        "/" => return page(view, uri),
        "/metrics" => return metrics(view),
        _ => {}
    }
    let probe = Probe::ALL
        .into_iter()
        .find(|probe| path.strip_prefix('/') == Some(probe.name()));
    match probe {
        Some(probe) => answer_probe(view, probe, uri),
        None => text(StatusCode::NOT_FOUND, PATHS),
    }
}

fn answer_probe(view: &View, probe: Probe, uri: &Uri) -> Response<Full<Bytes>> {
    let report = view.reports.borrow().clone();
    let progress = view.pulse.progress();
    let (outcome, words) = probe::answer(probe, &wishes(uri), report.as_deref(), progress);
    let status = match outcome {
        Outcome::Passed => StatusCode::OK,
        Outcome::Failed => StatusCode::SERVICE_UNAVAILABLE,
    };
    text(status, &words)
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
