//! Reading bgpd's EVPN table: our stream against a tree of all of it.
//!
//! Both do the same job: they count the routes whose best path is valid, and the paths by VTEP.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Instant;

use perouter_parsers::evpn;
use perouter_parsers::stream::Streamed;
use serde_json::Value;

use crate::allocator::peak_beyond_result;
use crate::progress::Progress;
use crate::results::{Results, Rival, Unit, median_ms};
use crate::{Failure, fabric};

const TREE: &str = "serde_json::Value of the whole answer";

/// How many routes, and how often each is read: the larger takes a tree ten seconds.
const SIZES: [(usize, usize); 2] = [(100_000, 5), (1_000_000, 3)];

/// Memory that the tree needs for each route, in bytes, with room to spare: a machine that has
/// less must not be driven out of memory.
const TREE_PER_ROUTE: usize = 8_000;

/// What is read from a table.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    best: usize,
    by_vtep: BTreeMap<IpAddr, usize>,
}

/// Measures throughput and peak memory of both.
pub(crate) fn measure(results: &mut Results, progress: &Progress) -> Result<(), Failure> {
    for (routes, times) in SIZES {
        progress.tell(format!("making a table of {routes} Type-5 routes"));
        let answer = fabric::table(routes)?;
        progress.tell(format!(
            "reading {} MB as a stream, {times} times",
            answer.len() / 1_000_000
        ));
        let (ours, summary) = throughput(&answer, times, ours)?;
        if summary.best != routes {
            return Err(format!("{} of {routes} routes were read", summary.best).into());
        }
        let (_, our_peak) = peak_beyond_result(|| self::ours(&answer));
        let rival = rival_numbers(&answer, routes, times, &summary, progress)?;
        let (speed, memory) = (
            "reading a Type-5 table",
            "reading a Type-5 table, peak memory",
        );
        match rival {
            Some((rival, peak)) => {
                let of = |value| Rival { name: TREE, value };
                results.against(speed, routes, Unit::Throughput, ours, of(rival));
                results.against(
                    memory,
                    routes,
                    Unit::Kibibytes,
                    kib(our_peak),
                    of(kib(peak)),
                );
            }
            None => {
                results.alone(speed, routes, Unit::Throughput, ours);
                results.alone(memory, routes, Unit::Kibibytes, kib(our_peak));
            }
        }
    }
    Ok(())
}

/// The rival's throughput and peak memory, if this machine has the memory for it.
fn rival_numbers(
    answer: &[u8],
    routes: usize,
    times: usize,
    expected: &Summary,
    progress: &Progress,
) -> Result<Option<(f64, usize)>, Failure> {
    let (needed, available) = (TREE_PER_ROUTE * routes, available_memory()?);
    if available < needed {
        progress.tell(format!(
            "no rival at {routes} routes: a tree may need {} MB, and {} MB are available",
            needed / 1_000_000,
            available / 1_000_000
        ));
        return Ok(None);
    }
    progress.tell(format!("reading the same as a tree, {times} times"));
    let (rival, found) = throughput(answer, times, tree)?;
    if found != *expected {
        return Err("the stream and the tree do not agree on what was read".into());
    }
    let (_, peak) = peak_beyond_result(|| tree(answer));
    Ok(Some((rival, peak)))
}

/// Reads several times. Answers the middle of the throughputs, in MB/s, and what was read.
fn throughput(
    answer: &[u8],
    times: usize,
    read: impl Fn(&[u8]) -> Result<Summary, Failure>,
) -> Result<(f64, Summary), Failure> {
    let mut taken = Vec::with_capacity(times);
    let mut summary = Summary::default();
    for _ in 0..times {
        let started = Instant::now();
        summary = read(answer)?;
        taken.push(started.elapsed());
    }
    let megabytes = answer.len() as f64 / 1e6;
    Ok((megabytes / (median_ms(&taken)? / 1000.0), summary))
}

/// As the agent reads it from bgpd's socket: entry by entry, from a reader.
fn ours(answer: &[u8]) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    let streamed = evpn::type5_from(answer, |route| {
        summary.best += usize::from(route.paths.iter().any(|path| path.valid && path.best));
        for hop in route.paths.iter().flat_map(|path| &path.next_hops) {
            *summary.by_vtep.entry(*hop).or_default() += 1;
        }
        ControlFlow::Continue(())
    })?;
    match streamed {
        Streamed::Complete => Ok(summary),
        Streamed::Absent | Streamed::Stopped => Err("the table was not read to its end".into()),
    }
}

/// As it is done without a parser for it.
fn tree(answer: &[u8]) -> Result<Summary, Failure> {
    let root: Value = serde_json::from_slice(answer)?;
    let mut summary = Summary::default();
    let distinguished = root
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, value)| value.as_object());
    for (_, route) in distinguished
        .flatten()
        .filter(|(key, _)| key.starts_with("[5]:"))
    {
        let lists = route["paths"].as_array().into_iter().flatten();
        let paths: Vec<&Value> = lists.filter_map(Value::as_array).flatten().collect();
        let best = |path: &&Value| path["valid"] == true && path["bestpath"] == true;
        summary.best += usize::from(paths.iter().any(best));
        for hop in paths
            .iter()
            .flat_map(|path| path["nexthops"].as_array().into_iter().flatten())
        {
            let address = hop["ip"].as_str().ok_or("a next hop without an address")?;
            *summary.by_vtep.entry(address.parse()?).or_default() += 1;
        }
    }
    Ok(summary)
}

/// Memory that can be had without swapping, in bytes.
fn available_memory() -> Result<usize, Failure> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib: usize = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("/proc/meminfo has no MemAvailable")?
        .parse()?;
    Ok(kib * 1024)
}

fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}
