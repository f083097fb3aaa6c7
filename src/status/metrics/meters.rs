//! What the loop counts as it goes.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::seconds;
use crate::status::Timestamp;

/// Whether a pass left everything as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It did.
    Well,
    /// Something failed in it.
    Badly,
}

/// Why a pass ran; from a closed set of words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Cause(&'static str);

impl EncodeLabelSet for Cause {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        [("cause", self.0)].as_slice().encode(encoder)
    }
}

/// How much was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// Everything.
    All,
    /// Some VRFs, in which something changed.
    Vrfs,
}

impl EncodeLabelSet for Extent {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        let word = match self {
            Self::All => "all",
            Self::Vrfs => "vrfs",
        };
        [("scope", word)].as_slice().encode(encoder)
    }
}

/// Counters and histograms that the loop moves and scrapes read. Copies share their numbers.
#[derive(Clone, Debug)]
pub struct Meters {
    passes: Family<Cause, Counter>,
    failures: Family<Cause, Counter>,
    pass: Histogram,
    apply: Histogram,
    verification: Family<Extent, Histogram, fn() -> Histogram>,
    last_success: Gauge<f64, AtomicU64>,
}

impl Meters {
    /// Meters at zero, for passes of these causes.
    #[must_use]
    pub fn new(causes: impl IntoIterator<Item = &'static str>) -> Self {
        let meters = Self {
            passes: Family::default(),
            failures: Family::default(),
            pass: durations(),
            apply: durations(),
            verification: Family::new_with_constructor(durations),
            last_success: Gauge::default(),
        };
        for extent in [Extent::All, Extent::Vrfs] {
            drop(meters.verification.get_or_create(&extent));
        }
        for cause in causes {
            // There from the start: a rate needs a zero to rise from.
            drop(meters.passes.get_or_create(&Cause(cause)));
            drop(meters.failures.get_or_create(&Cause(cause)));
        }
        meters
    }

    /// A pass has ended.
    pub fn passed(&self, cause: &'static str, took: Duration, passed: Passed, now: Timestamp) {
        self.passes.get_or_create(&Cause(cause)).inc();
        self.pass.observe(took.as_secs_f64());
        match passed {
            Passed::Well => {
                self.last_success.set(seconds(now));
            }
            Passed::Badly => {
                self.failures.get_or_create(&Cause(cause)).inc();
            }
        }
    }

    /// A plan with steps was executed, whatever became of it.
    pub fn applied(&self, took: Duration) {
        self.apply.observe(took.as_secs_f64());
    }

    /// Facts were read and verified.
    pub fn verified(&self, extent: Extent, took: Duration) {
        let of = self.verification.get_or_create(&extent);
        of.observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "passes",
            "Passes of the loop that have ended, by what woke it",
            self.passes.clone(),
        );
        registry.register(
            "pass_failures",
            "Passes in which something failed, by what woke the loop",
            self.failures.clone(),
        );
        let mut histogram = |name: &str, help: &str, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        histogram(
            "pass_duration",
            "Time of a pass, from reading manifests to the last step",
            &self.pass,
        );
        histogram(
            "apply_duration",
            "Time to execute a plan that had steps",
            &self.apply,
        );
        registry.register_with_unit(
            "verification_duration",
            "Time to read facts back from FRR and the kernel, and to verify them, by how much was: \
             all, or some vrfs",
            Unit::Seconds,
            self.verification.clone(),
        );
        registry.register_with_unit(
            "last_successful_pass_timestamp",
            "When a pass last left everything as it should be; 0 before the first",
            Unit::Seconds,
            self.last_success.clone(),
        );
    }
}

/// From a node that has nothing to do to a thousand VNIs from nothing on a slow machine.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.004, 2.5, 12))
}
