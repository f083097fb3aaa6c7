//! What is taken from the last report, and from the kernel, at each scrape.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::{Process, Scraped, seconds};
use crate::status::report::{DaemonMode, Report, SessionReport, Verdict};

/// The VRF of sessions that are in none, by FRR's name for it.
const DEFAULT_VRF: &str = "default";

/// What is ours, and what every program says of itself.
pub(super) fn collectors(scraped: Scraped) -> (Ours, Option<OfProcess>) {
    let process = scraped.process.map(OfProcess);
    (Ours(scraped), process)
}

/// One row: labels by name, and a number.
type Row<'a, const N: usize, V> = ([(&'static str, &'a str); N], V);

/// Writes families of rows.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn gauges<'r, const N: usize, V: EncodeGaugeValue>(
        &mut self,
        (name, help): (&str, &str),
        unit: Option<&Unit>,
        rows: impl IntoIterator<Item = Row<'r, N, V>>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in rows {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counters<'r, const N: usize, V: EncodeCounterValue>(
        &mut self,
        (name, help): (&str, &str),
        unit: Option<&Unit>,
        rows: impl IntoIterator<Item = Row<'r, N, V>>,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, value) in rows {
            family
                .encode_family(&labels)?
                .encode_counter::<NoLabelSet, V, u64>(&value, None)?;
        }
        Ok(())
    }

    /// One number without labels.
    fn gauge<V: EncodeGaugeValue>(
        &mut self,
        named: (&str, &str),
        unit: Option<&Unit>,
        value: V,
    ) -> fmt::Result {
        self.gauges(named, unit, [([], value)])
    }

    /// One count without labels.
    fn counter(&mut self, named: (&str, &str), value: u64) -> fmt::Result {
        self.counters(named, None, [([], value)])
    }
}

/// What perouter says of itself and of the node.
#[derive(Debug)]
pub(super) struct Ours(Scraped);

impl Collector for Ours {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        writer.gauges(
            ("build_info", "The version of perouter that runs, always 1"),
            None,
            [([("version", env!("CARGO_PKG_VERSION"))], 1_u64)],
        )?;
        writer.gauge(
            ("loop_silence", "How long ago the loop took its last step"),
            Some(&Unit::Seconds),
            self.0.progress.silent.as_secs_f64(),
        )?;
        let Some(report) = self.0.report.as_deref() else {
            return Ok(());
        };
        node(report, &mut writer)?;
        frr(report, &mut writer)?;
        counters(report, &mut writer)?;
        sessions(report, &mut writer)?;
        vnis(report, &mut writer)?;
        findings(report, &mut writer)?;
        objects(report, &mut writer)
    }
}

fn node(report: &Report, writer: &mut Writer<'_>) -> fmt::Result {
    let index = report.index.to_string();
    writer.gauges(
        ("node_info", "The node's name and index, always 1"),
        None,
        [([("node", report.node.as_str()), ("index", &index)], 1_u64)],
    )?;
    writer.gauge(
        (
            "ready",
            "1 when every object is ready and nothing was rejected, as `perouter status` says",
        ),
        None,
        u64::from(report.verdict == Verdict::Ready),
    )?;
    writer.gauge(
        (
            "rejections",
            "Objects and files that were not taken as they are",
        ),
        None,
        report.rejections.len() as u64,
    )?;
    writer.gauges(
        (
            "last_verification_timestamp",
            "When facts were read back and verified last",
        ),
        Some(&Unit::Seconds),
        report.verification.map(|last| ([], seconds(last.at))),
    )
}

fn frr(report: &Report, writer: &mut Writer<'_>) -> fmt::Result {
    let version = report.frr.version.as_deref();
    writer.gauges(
        ("frr_info", "The version of FRR, always 1"),
        None,
        version.map(|version| ([("version", version)], 1_u64)),
    )?;
    let modes = report.frr.daemons.iter().flat_map(|(daemon, in_use)| {
        DaemonMode::ALL.map(|mode| {
            let labels = [("daemon", daemon.as_str()), ("mode", mode.as_str())];
            (labels, u64::from(mode == *in_use))
        })
    });
    writer.gauges(
        (
            "frr_daemon_mode",
            "How each daemon is driven: 1 for the mode that is in use",
        ),
        None,
        modes,
    )
}

fn counters(report: &Report, writer: &mut Writer<'_>) -> fmt::Result {
    let counters = &report.counters;
    writer.counter(
        (
            "drift_repaired",
            "Steps that mended what somebody else had changed",
        ),
        counters.drift_repaired,
    )?;
    writer.counter(
        (
            "netlink_writes",
            "Messages to the kernel that change something",
        ),
        counters.netlink_writes,
    )?;
    writer.counter(
        (
            "frr_writes",
            "Commands and commits to FRR that change something",
        ),
        counters.frr_writes,
    )?;
    writer.counters(
        (
            "frr_errors",
            "Commands and commits that FRR refused, and times that it could not be spoken with",
        ),
        None,
        [
            ([("interface", "vty")], counters.vty_errors),
            ([("interface", "northbound")], counters.northbound_errors),
        ],
    )
}

fn session_labels(session: &SessionReport) -> [(&'static str, &str); 3] {
    let vrf = session.vrf.as_ref().map_or(DEFAULT_VRF, |vrf| vrf.as_str());
    [
        ("kind", session.kind.as_str()),
        ("vrf", vrf),
        ("peer", &session.neighbor),
    ]
}

fn sessions(report: &Report, writer: &mut Writer<'_>) -> fmt::Result {
    let sessions = || report.sessions.iter();
    writer.gauges(
        ("bgp_session_up", "1 when the BGP session is established"),
        None,
        sessions().map(|of| {
            let up = of.established_seconds.is_some();
            (session_labels(of), u64::from(up))
        }),
    )?;
    writer.counters(
        (
            "bgp_session_flaps",
            "How often the BGP session went down since bgpd knows it",
        ),
        None,
        sessions().map(|of| (session_labels(of), of.dropped)),
    )?;
    let by_family = |count: fn(&crate::status::report::FamilyReport) -> u64| {
        sessions().flat_map(move |session| {
            session.families.iter().map(move |of| {
                let [kind, vrf, peer] = session_labels(session);
                ([kind, vrf, peer, ("family", &of.family)], count(of))
            })
        })
    };
    writer.gauges(
        (
            "bgp_prefixes_received",
            "Prefixes accepted from the neighbour",
        ),
        None,
        by_family(|of| of.received),
    )?;
    writer.gauges(
        ("bgp_prefixes_sent", "Prefixes sent to the neighbour"),
        None,
        by_family(|of| of.sent),
    )
}

fn vnis(report: &Report, writer: &mut Writer<'_>) -> fmt::Result {
    let routed = report.vnis.iter().map(|of| {
        let vrf = of.vrf.as_str();
        ("l3", of.vni.to_string(), vrf, of.state == "Up")
    });
    let bridged = report.segments.iter().map(|of| {
        let vrf = of.vrf.as_ref().map_or("", |vrf| vrf.as_str());
        ("l2", of.vni.to_string(), vrf, of.state == "Up")
    });
    let all: Vec<_> = routed.chain(bridged).collect();
    writer.gauges(
        (
            "vni_up",
            "1 when FRR has the VNI up: zebra for a VRF's, bgpd for a segment's",
        ),
        None,
        all.iter().map(|(kind, vni, vrf, up)| {
            let labels = [("kind", *kind), ("vni", vni.as_str()), ("vrf", *vrf)];
            (labels, u64::from(*up))
        }),
    )
}

fn findings(report: &Report, writer: &mut Writer<'_>) -> fmt::Result {
    let rows = report.checks.iter().flat_map(|tally| {
        let name = tally.check.name();
        [
            ("good", tally.good),
            ("bad", tally.bad),
            ("pending", tally.pending),
        ]
        .map(|(outcome, count)| ([("check", name), ("outcome", outcome)], count))
    });
    writer.gauges(
        (
            "findings",
            "What the last verification found, by check: good, bad, or pending for what it could not tell",
        ),
        None,
        rows,
    )
}

fn objects(report: &Report, writer: &mut Writer<'_>) -> fmt::Result {
    let rows = report.objects.iter().flat_map(|object| {
        let key = &object.object;
        object.conditions.iter().map(move |condition| {
            let labels = [
                ("kind", key.kind.as_str()),
                ("namespace", key.namespace.as_str()),
                ("name", key.name.as_str()),
                ("type", condition.kind.as_str()),
                ("status", condition.status.as_str()),
            ];
            (labels, 1_u64)
        })
    });
    writer.gauges(
        (
            "object_condition",
            "The conditions of each object, with the status that each has now, always 1",
        ),
        None,
        rows,
    )
}

/// What every program says of itself, by the names that all use.
#[derive(Debug)]
pub(super) struct OfProcess(Process);

impl Collector for OfProcess {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        let process = &self.0;
        writer.gauge(
            ("process_resident_memory", "Resident memory"),
            Some(&Unit::Bytes),
            process.resident_bytes,
        )?;
        writer.counters(
            (
                "process_cpu",
                "Time on processors, in the program and in the kernel",
            ),
            Some(&Unit::Seconds),
            [([], process.cpu_seconds)],
        )?;
        writer.gauge(
            (
                "process_start_time",
                "When the process started, since the epoch",
            ),
            Some(&Unit::Seconds),
            process.start_seconds,
        )?;
        writer.gauge(
            ("process_open_fds", "Open file descriptors"),
            None,
            process.open_fds,
        )?;
        writer.gauges(
            ("process_max_fds", "How many file descriptors may be open"),
            None,
            process.max_fds.map(|most| ([], most)),
        )
    }
}
