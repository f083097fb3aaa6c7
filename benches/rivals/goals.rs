//! What was aimed at, and whether it was reached in this run. Nothing passes or fails by it.

use crate::results::{Goal, Results, Verdict, number};

/// Milliseconds that the goals look at, of one number of L3VNIs, by gRPC and vty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) present: usize,
    pub(crate) one_more_in_force: f64,
    pub(crate) one_more_read_back: f64,
    pub(crate) nothing: f64,
    pub(crate) all: f64,
    pub(crate) all_read_back: f64,
    pub(crate) rival_one_more: f64,
    pub(crate) rival_nothing: f64,
    pub(crate) bare_one_more: f64,
    pub(crate) bare_one_more_bgpd: f64,
    pub(crate) bare_one_more_mgmtd: f64,
    pub(crate) bare_all: f64,
    pub(crate) bgpd_shows: f64,
    pub(crate) zebra_shows: f64,
}

impl Measured {
    /// What of one more L3VNI is FRR's own time.
    fn of_frr(&self) -> String {
        format!(
            "with {} L3VNIs FRR itself takes {} ms of {} ms until it is in force: {} ms bgpd for \
             the commands, {} ms mgmtd and zebra for the mapping, one commit; to read it back, {} \
             ms more, FRR takes {} ms: {} ms bgpd, {} ms zebra",
            self.present,
            number(self.bare_one_more),
            number(self.one_more_in_force),
            number(self.bare_one_more_bgpd),
            number(self.bare_one_more_mgmtd),
            number(self.one_more_read_back - self.one_more_in_force),
            number(self.bgpd_shows + self.zebra_shows),
            number(self.bgpd_shows),
            number(self.zebra_shows),
        )
    }
}

/// Adds all goals that the sizes tell something of.
///
/// A change is judged by when it is in force, because neither the rival nor the bare commands
/// read anything back; the time until it is read back is told beside. An unchanged intent is
/// judged by when FRR was read and found right, which is all that is done then.
pub(crate) fn judge(results: &mut Results, all: &[Measured]) {
    let find = |present| all.iter().find(|one| one.present == present);
    if let Some(one) = find(400) {
        results.goal(against_rival(one));
        results.goal(against_bare(one));
    }
    if let (Some(few), Some(many)) = (find(10), find(1000)) {
        results.goal(growth(few, many));
    }
    for one in all {
        results.goal(unchanged(one));
    }
    if let Some(one) = find(1000) {
        results.goal(from_empty(one));
    }
}

fn goal(what: String, aim: String, measured: String, holds: bool, why: String) -> Goal {
    Goal {
        what,
        aim,
        measured,
        verdict: Verdict::of(holds),
        why: (!holds).then_some(why),
    }
}

fn against_rival(one: &Measured) -> Goal {
    let times = one.rival_one_more / one.one_more_in_force;
    let back = one.rival_one_more / one.one_more_read_back;
    goal(
        "one more L3VNI at 400, in force as the rival's is".to_owned(),
        "100 times faster than frr-reload.py".to_owned(),
        format!("{}×; {}× until read back", number(times), number(back)),
        times >= 100.0,
        format!(
            "{}; the rival takes {} ms, so that FRR alone is {} times faster than it",
            one.of_frr(),
            number(one.rival_one_more),
            number(one.rival_one_more / one.bare_one_more)
        ),
    )
}

fn against_bare(one: &Measured) -> Goal {
    let times = one.one_more_in_force / one.bare_one_more;
    let back = one.one_more_read_back / one.bare_one_more;
    goal(
        "one more L3VNI at 400, in force as the bare commands are".to_owned(),
        "at most 2 times the bare cost".to_owned(),
        format!("{}×; {}× until read back", number(times), number(back)),
        times <= 2.0,
        one.of_frr(),
    )
}

fn growth(few: &Measured, many: &Measured) -> Goal {
    let times = many.one_more_in_force / few.one_more_in_force;
    let back = many.one_more_read_back / few.one_more_read_back;
    goal(
        format!(
            "one more L3VNI, in force, from {} to {}",
            few.present, many.present
        ),
        "at most 3 times slower".to_owned(),
        format!("{}×; {}× until read back", number(times), number(back)),
        times <= 3.0,
        format!(
            "FRR alone is {} times slower; {}; {}",
            number(many.bare_one_more / few.bare_one_more),
            few.of_frr(),
            many.of_frr()
        ),
    )
}

fn unchanged(one: &Measured) -> Goal {
    let percent = 100.0 * one.nothing / one.rival_nothing;
    goal(
        format!("nothing changed at {}, read and found right", one.present),
        "at most 1 % of frr-reload.py's time".to_owned(),
        format!("{} %", number(percent)),
        percent <= 1.0,
        format!(
            "of {} ms FRR takes {} ms to say what it runs: {} ms bgpd, {} ms zebra",
            number(one.nothing),
            number(one.bgpd_shows + one.zebra_shows),
            number(one.bgpd_shows),
            number(one.zebra_shows)
        ),
    )
}

fn from_empty(one: &Measured) -> Goal {
    let times = one.all / one.bare_all;
    let back = one.all_read_back / one.bare_all;
    goal(
        "1000 L3VNIs from empty, in force as the bare commands are".to_owned(),
        "at most 1.5 times the bare cost".to_owned(),
        format!("{}×; {}× until read back", number(times), number(back)),
        times <= 1.5,
        format!(
            "{} ms of {} ms are FRR's own for the bare commands",
            number(one.bare_all),
            number(one.all)
        ),
    )
}

/// What the kernel's goals look at, in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct MeasuredKernel {
    pub(crate) from_nothing: Vec<AllLinks>,
    pub(crate) one_more: Vec<OneMoreLinks>,
    pub(crate) unchanged: Vec<UnchangedLinks>,
}

/// All L3VNIs from nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AllLinks {
    pub(crate) vnis: usize,
    pub(crate) in_force: f64,
    pub(crate) bare: f64,
    /// What `ip -batch` takes for addresses and aliases too.
    pub(crate) whole: f64,
    pub(crate) writes: u64,
}

/// One more L3VNI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OneMoreLinks {
    pub(crate) present: usize,
    pub(crate) in_force: f64,
    pub(crate) read_back: f64,
    pub(crate) bare: f64,
}

/// A look at everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnchangedLinks {
    pub(crate) vnis: usize,
    pub(crate) dumps: u64,
    pub(crate) repeated: u64,
    pub(crate) writes: u64,
}

/// Adds the goals of the kernel's part.
pub(crate) fn judge_kernel(results: &mut Results, measured: &MeasuredKernel) {
    for all in &measured.from_nothing {
        results.goal(links_from_nothing(all));
    }
    let find = |present| measured.one_more.iter().find(|one| one.present == present);
    if let (Some(few), Some(many)) = (find(10), find(1000)) {
        results.goal(growth_of_links(few, many));
    }
    for one in &measured.unchanged {
        results.goal(links_unchanged(one));
    }
}

fn links_from_nothing(all: &AllLinks) -> Goal {
    let times = all.in_force / all.bare;
    let whole = all.in_force / all.whole;
    goal(
        format!("links of {} L3VNIs from nothing, in force", all.vnis),
        "at most 1.3 times ip -batch with the bare links".to_owned(),
        format!(
            "{}×; {}× what it takes with addresses and aliases",
            number(times),
            number(whole)
        ),
        times <= 1.3,
        format!(
            "{} messages in {} ms; the addresses and aliases alone cost ip -batch {} ms more than \
             the links' {} ms",
            all.writes,
            number(all.in_force),
            number(all.whole - all.bare),
            number(all.bare)
        ),
    )
}

fn growth_of_links(few: &OneMoreLinks, many: &OneMoreLinks) -> Goal {
    let times = many.in_force / few.in_force;
    let back = many.read_back / few.read_back;
    goal(
        format!(
            "links of one more L3VNI, in force, from {} to {}",
            few.present, many.present
        ),
        "at most 1.5 times slower".to_owned(),
        format!("{}×; {}× until read back", number(times), number(back)),
        times <= 1.5,
        format!(
            "ip -batch is {} times slower; {} ms become {} ms",
            number(many.bare / few.bare),
            number(few.in_force),
            number(many.in_force)
        ),
    )
}

fn links_unchanged(one: &UnchangedLinks) -> Goal {
    goal(
        format!("nothing changed in the kernel at {}", one.vnis),
        "one dump of each kind, no write".to_owned(),
        format!(
            "{} dumps, {} of the same again, {} writes",
            one.dumps, one.repeated, one.writes
        ),
        one.repeated == 0 && one.writes == 0,
        "the numbers say it".to_owned(),
    )
}

/// What was measured of verification: times in milliseconds, memory in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verification {
    pub(crate) vnis: usize,
    pub(crate) routes: usize,
    pub(crate) full: f64,
    /// What the daemons take to answer the same questions, nobody reading the answers.
    pub(crate) bgpd: f64,
    pub(crate) zebra: f64,
    /// From the change of one route until it was verified, and that verification.
    pub(crate) after_change: f64,
    pub(crate) incremental: f64,
    pub(crate) peak: f64,
    /// Hundredths of a core at rest.
    pub(crate) rest: f64,
}

/// Adds the goals of verification at scale.
pub(crate) fn judge_verification(results: &mut Results, all: &[Verification]) {
    let find = |vnis| all.iter().find(|one| one.vnis == vnis);
    let (Some(few), Some(many)) = (find(10), find(1000)) else {
        return;
    };
    let times = many.incremental / few.incremental;
    results.goal(goal(
        format!(
            "one route changed, the verification, from {} to {} VNIs",
            few.vnis, many.vnis
        ),
        "at most 10 times slower".to_owned(),
        format!("{}×: {} ms", number(times), number(many.incremental)),
        times <= 10.0,
        format!(
            "{} ms become {} ms; a full one takes {} ms",
            number(few.incremental),
            number(many.incremental),
            number(many.full)
        ),
    ));
    results.goal(goal(
        format!(
            "one route changed at {} routes, until it is verified",
            many.routes
        ),
        "at most 1000 ms".to_owned(),
        format!("{} ms", number(many.after_change)),
        many.after_change <= 1000.0,
        format!(
            "the verification takes {} ms of it",
            number(many.incremental)
        ),
    ));
    let frr = many.bgpd.max(many.zebra);
    results.goal(goal(
        format!(
            "a full verification at {} routes, beside FRR's own time",
            many.routes
        ),
        "at most 2 times what FRR takes to answer".to_owned(),
        format!("{}×: {} ms", number(many.full / frr), number(many.full)),
        many.full <= 2.0 * frr,
        format!(
            "bgpd takes {} ms to answer, zebra meanwhile {} ms",
            number(many.bgpd),
            number(many.zebra)
        ),
    ));
    let bytes = 1024.0 * (many.peak - few.peak) / (many.routes - few.routes) as f64;
    results.goal(goal(
        format!("the agent's peak of memory at {} routes", many.routes),
        "at most 2048 bytes a route more than at rest with few".to_owned(),
        format!(
            "{} bytes a route; {} KiB in all",
            number(bytes),
            number(many.peak)
        ),
        bytes <= 2048.0,
        format!("{} KiB with {} routes", number(few.peak), few.routes),
    ));
    results.goal(goal(
        format!(
            "the agent at rest with {} VNIs and {} routes",
            many.vnis, many.routes
        ),
        "at most 5 % of a core".to_owned(),
        format!("{} %", number(many.rest)),
        many.rest <= 5.0,
        format!("a full verification takes {} ms", number(many.full)),
    ));
}

/// Adds the goal of a session that is lost with all its routes: milliseconds until the node was not
/// ready, and until bgpd had told of the session.
pub(crate) fn judge_loss(results: &mut Results, routes: usize, after: f64, told: f64) {
    results.goal(goal(
        format!("the session lost at {routes} routes, until the node is not ready"),
        "less than 100 ms".to_owned(),
        format!("{} ms", number(after)),
        after < 100.0,
        format!(
            "bgpd tells of it by BMP after {} ms; the rest is its answer on the session's state, \
             the findings and the report",
            number(told)
        ),
    ));
}

/// What was measured of a cluster: times in milliseconds, memory in KiB, hundredths of a core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: usize,
    pub(crate) edits: usize,
    /// Everything that was written at rest, but for the lease.
    pub(crate) written_at_rest: u64,
    pub(crate) rolling_writes: u64,
    pub(crate) rolling_seconds: f64,
    /// From an edit until the last node's status was written, and until conditions said so.
    pub(crate) told_median: f64,
    pub(crate) median: f64,
    pub(crate) p99: f64,
    /// Between the two.
    pub(crate) own_median: f64,
    pub(crate) own_p99: f64,
    pub(crate) resident: f64,
    pub(crate) peak: f64,
    pub(crate) cpu_at_rest: f64,
    pub(crate) cpu_rolling: f64,
}

/// Adds the goals of the controller.
pub(crate) fn judge_cluster(results: &mut Results, all: &[Cluster]) {
    for one in all {
        results.goal(goal(
            format!("{} nodes at rest for a minute", one.nodes),
            "no write but the lease's".to_owned(),
            format!("{} writes", one.written_at_rest),
            one.written_at_rest == 0,
            "the numbers say it".to_owned(),
        ));
        results.goal(until_of_all(one));
        results.goal(goal(
            format!("the controller's memory at {} nodes", one.nodes),
            "less than 64 MiB".to_owned(),
            format!(
                "{} MiB; at most {}",
                mebibytes(one.resident),
                mebibytes(one.peak)
            ),
            one.resident < 64.0 * 1024.0,
            "every node's status names every object".to_owned(),
        ));
        results.goal(goal(
            format!(
                "a rolling change at {} nodes, writes of conditions",
                one.nodes
            ),
            "at most one a second, and two".to_owned(),
            format!(
                "{} in {} s",
                one.rolling_writes,
                number(one.rolling_seconds)
            ),
            one.rolling_writes as f64 <= 3.0 + one.rolling_seconds,
            "the numbers say it".to_owned(),
        ));
    }
    if let (Some(few), Some(many)) = (all.first(), all.last()) {
        results.goal(growth_with_nodes(few, many));
    }
}

fn mebibytes(kibibytes: f64) -> String {
    number(kibibytes / 1024.0)
}

fn until_of_all(one: &Cluster) -> Goal {
    goal(
        format!(
            "an edit until its conditions are of all {} nodes, p99 of {}",
            one.nodes, one.edits
        ),
        "less than 2000 ms".to_owned(),
        format!("{} ms; median {} ms", number(one.p99), number(one.median)),
        one.p99 < 2000.0,
        format!(
            "all nodes have told after {} ms (median); what the controller takes then: median {} \
             ms, p99 {} ms",
            number(one.told_median),
            number(one.own_median),
            number(one.own_p99)
        ),
    )
}

fn growth_with_nodes(few: &Cluster, many: &Cluster) -> Goal {
    let times = |of: fn(&Cluster) -> f64| number(of(many) / of(few));
    let nodes = many.nodes as f64 / few.nodes as f64;
    goal(
        format!(
            "the controller's part of it, from {} to {} nodes",
            few.nodes, many.nodes
        ),
        "grows no faster than the nodes".to_owned(),
        format!(
            "{}×; memory {}×, processor in a rolling change {}×, at rest {} % to {} %",
            times(|it| it.own_median),
            times(|it| it.resident),
            times(|it| it.cpu_rolling),
            number(few.cpu_at_rest),
            number(many.cpu_at_rest)
        ),
        many.own_median <= nodes * few.own_median,
        format!(
            "{} ms become {} ms",
            number(few.own_median),
            number(many.own_median)
        ),
    )
}
