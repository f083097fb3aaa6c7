//! The controller of a cluster of 50 to 500 nodes and 200 objects: what it writes at rest and
//! during a change, how soon an object's conditions are those of all nodes, what it takes.
//!
//! The API server and the controller are real programs. Of each node's agent there is what makes
//! its report and what writes its status; what is left out is the router, so that a change is
//! taken by every node after a time that is given here. All share this machine.

mod agents;
mod bed;
mod watched;

use std::sync::Arc;
use std::time::{Duration, Instant};

use perouter::api::ObjectKey;

use crate::Failure;
use crate::goals::{self, Cluster};
use crate::progress::Progress;
use crate::results::{Results, Unit, median_ms};
use agents::Agents;
use bed::{Bed, Look};
use watched::{Watched, Writes};

/// How many nodes there are.
const SIZES: [usize; 3] = [50, 200, 500];

/// Of how many objects, and which of them.
const L3VNIS: usize = 150;
const L2VNIS: usize = 48;

/// How long the cluster is left alone before it is looked at, and how long it is looked at.
const CALM: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(60);

/// How often an object is edited, and within which time all nodes have taken it.
const EDITS: usize = 24;
const PASS: Duration = Duration::from_millis(300);

/// Within which time all nodes take the edit of a rolling change.
const ROLLING: Duration = Duration::from_secs(8);

/// How long anything may take.
const WITHIN: Duration = Duration::from_secs(180);

/// What was seen with one number of nodes.
struct Size {
    nodes: usize,
    rest: Span,
    rolling: Span,
    edits: Vec<Edit>,
    resident: f64,
    peak: f64,
}

/// What happened between two looks.
struct Span {
    seconds: f64,
    writes: Writes,
    cpu: f64,
}

/// Times since an edit was sent.
struct Edit {
    /// Until the last node's status was written.
    told: Duration,
    /// Until the object's conditions said so.
    folded: Duration,
}

/// Measures all sizes, growing.
pub(crate) fn measure(results: &mut Results, progress: &Progress) -> Result<(), Failure> {
    let bed = Bed::start(progress)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let sizes = runtime.block_on(all(&bed, progress))?;
    report(results, &sizes)
}

async fn all(bed: &Bed, progress: &Progress) -> Result<Vec<Size>, Failure> {
    let client = bed.client().await?;
    let watched = Arc::new(Watched::start(&client));
    let intent = Arc::new(crate::node::intent(L3VNIS)?);
    let mut agents = Agents::new(&client, &watched, intent);
    let mut sizes = Vec::new();
    for nodes in SIZES {
        sizes.push(size(bed, &mut agents, &watched, nodes, progress).await?);
    }
    Ok(sizes)
}

async fn size(
    bed: &Bed,
    agents: &mut Agents,
    watched: &Watched,
    nodes: usize,
    progress: &Progress,
) -> Result<Size, Failure> {
    let say = |what: &str| progress.tell(format!("{nodes} nodes: {what}"));
    say("coming up");
    agents.grow(nodes).await?;
    let begun = Instant::now();
    watched.all_folded(nodes, WITHIN).await?;
    let took = begun.elapsed().as_secs_f64();
    say(&format!("all conditions after {took:.1} s; calming down"));
    tokio::time::sleep(CALM).await;
    say(&format!("at rest for {} s", REST.as_secs()));
    let mut meter = Meter::start(bed, watched)?;
    tokio::time::sleep(REST).await;
    let rest = meter.lap()?;
    let mut edits = Vec::new();
    for number in 0..EDITS {
        let edit = edit(agents, watched, nodes, number, PASS).await?;
        let [told, folded] = [edit.told, edit.folded].map(|it| it.as_millis());
        let number_of = format!("edit {} of {EDITS}", number + 1);
        say(&format!(
            "{number_of}: all have told after {told} ms, folded after {folded} ms"
        ));
        edits.push(edit);
        // At no fixed time in whatever the controller does in turn.
        let odd = Duration::from_millis(2000 + 97 * number as u64 % 1000);
        tokio::time::sleep(odd).await;
    }
    say("a rolling change");
    tokio::time::sleep(CALM).await;
    let mut meter = Meter::start(bed, watched)?;
    edit(agents, watched, nodes, 0, ROLLING).await?;
    let rolling = meter.lap()?;
    let look = bed.look()?;
    Ok(Size {
        nodes,
        rest,
        rolling,
        edits,
        resident: look.resident,
        peak: look.peak,
    })
}

/// Edits one object, and waits until all nodes have told of it and its conditions say so.
async fn edit(
    agents: &Agents,
    watched: &Watched,
    nodes: usize,
    number: usize,
    within: Duration,
) -> Result<Edit, Failure> {
    let key = edited(number)?;
    agents.take_changes_within(within);
    let before = watched.writes().statuses;
    let begun = Instant::now();
    let generation = agents.edit(&key, number).await?;
    let told = watched.statuses(before + nodes as u64, WITHIN).await?;
    let folded = watched.folded(&key, generation, nodes, WITHIN).await?;
    Ok(Edit {
        told: told.duration_since(begun),
        folded: folded.duration_since(begun),
    })
}

fn edited(number: usize) -> Result<ObjectKey, Failure> {
    let (vrf, _) = crate::node::vrf_and_vni(number % L3VNIS);
    bed::key("L3VNI", &vrf)
}

/// Looks at the controller and the API server again and again.
struct Meter<'a> {
    bed: &'a Bed,
    watched: &'a Watched,
    before: (Instant, Look, Writes),
}

impl<'a> Meter<'a> {
    fn start(bed: &'a Bed, watched: &'a Watched) -> Result<Self, Failure> {
        let before = (Instant::now(), bed.look()?, watched.writes());
        Ok(Self {
            bed,
            watched,
            before,
        })
    }

    fn lap(&mut self) -> Result<Span, Failure> {
        let now = (Instant::now(), self.bed.look()?, self.watched.writes());
        let (at, look, writes) = std::mem::replace(&mut self.before, now);
        let seconds = self.before.0.duration_since(at).as_secs_f64();
        let busy = self.before.1.on_processor - look.on_processor;
        Ok(Span {
            seconds,
            writes: self.before.2.since(writes),
            cpu: 100.0 * busy / seconds,
        })
    }
}

fn report(results: &mut Results, sizes: &[Size]) -> Result<(), Failure> {
    let judged = sizes.iter().map(judged).collect::<Result<Vec<_>, _>>()?;
    for (size, all) in sizes.iter().zip(&judged) {
        let mut row = |name: &str, unit, value| results.alone(name, size.nodes, unit, value);
        let second = |count: u64, span: &Span| count as f64 / span.seconds;
        let (rest, rolling) = (&size.rest, &size.rolling);
        let per_second = Unit::WritesPerSecond;
        row(
            "cluster at rest, writes of conditions",
            per_second,
            second(rest.writes.objects, rest),
        );
        row(
            "cluster at rest, writes of nodes' statuses",
            per_second,
            second(rest.writes.statuses, rest),
        );
        row(
            "cluster at rest, writes of nodes",
            per_second,
            second(rest.writes.nodes, rest),
        );
        row(
            "cluster at rest, renewals of the lease",
            per_second,
            second(rest.writes.leases, rest),
        );
        row("controller at rest, processor", Unit::CorePercent, rest.cpu);
        row(
            "rolling change, writes of conditions",
            per_second,
            second(rolling.writes.objects, rolling),
        );
        row(
            "rolling change, writes of nodes' statuses",
            per_second,
            second(rolling.writes.statuses, rolling),
        );
        row(
            "controller in a rolling change, processor",
            Unit::CorePercent,
            rolling.cpu,
        );
        row(
            "edit until all nodes have told, median",
            Unit::Milliseconds,
            all.told_median,
        );
        row(
            "edit until conditions are of all nodes, median",
            Unit::Milliseconds,
            all.median,
        );
        row(
            "edit until conditions are of all nodes, p99",
            Unit::Milliseconds,
            all.p99,
        );
        row(
            "of it the controller's, median",
            Unit::Milliseconds,
            all.own_median,
        );
        row(
            "of it the controller's, p99",
            Unit::Milliseconds,
            all.own_p99,
        );
        row(
            "controller, resident memory",
            Unit::Kibibytes,
            size.resident,
        );
        row(
            "controller, peak of resident memory",
            Unit::Kibibytes,
            size.peak,
        );
    }
    goals::judge_cluster(results, &judged);
    Ok(())
}

fn judged(size: &Size) -> Result<Cluster, Failure> {
    let of = |what: fn(&Edit) -> Duration| size.edits.iter().map(what).collect::<Vec<_>>();
    let whole = of(|edit| edit.folded);
    let told = of(|edit| edit.told);
    let own = of(|edit| edit.folded.saturating_sub(edit.told));
    Ok(Cluster {
        nodes: size.nodes,
        edits: size.edits.len(),
        written_at_rest: size.rest.writes.all_but_leases(),
        rolling_writes: size.rolling.writes.objects,
        rolling_seconds: size.rolling.seconds,
        told_median: median_ms(&told)?,
        median: median_ms(&whole)?,
        p99: p99_ms(&whole)?,
        own_median: median_ms(&own)?,
        own_p99: p99_ms(&own)?,
        resident: size.resident,
        peak: size.peak,
        cpu_at_rest: size.rest.cpu,
        cpu_rolling: size.rolling.cpu,
    })
}

/// The time within which 99 of 100 are: of fewer, the longest.
fn p99_ms(times: &[Duration]) -> Result<f64, Failure> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * 99).div_ceil(100);
    let at = sorted.get(place.saturating_sub(1));
    Ok(1000.0 * at.ok_or("nothing was timed")?.as_secs_f64())
}
