//! What the kernel says of this process (`proc(5)`).

use procfs::process::{LimitValue, Process as OfKernel};
use procfs::{ProcResult, WithCurrentSystemInfo};

use crate::status::metrics::Process;

/// This process; none when `/proc` cannot be read.
pub(super) fn this() -> Option<Process> {
    read()
        .inspect_err(|error| tracing::debug!("/proc cannot be read: {error}"))
        .ok()
}

fn read() -> ProcResult<Process> {
    let process = OfKernel::myself()?;
    let stat = process.stat()?;
    // Exact up to centuries.
    #[expect(clippy::cast_precision_loss, reason = "ticks are far below 2^53")]
    let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
    let booted = std::time::Duration::from_secs(procfs::boot_time_secs()?);
    let limits = process.limits()?;
    Ok(Process {
        resident_bytes: stat.rss_bytes().get(),
        cpu_seconds: seconds(stat.utime + stat.stime),
        start_seconds: booted.as_secs_f64() + seconds(stat.starttime),
        open_fds: process.fd_count()? as u64,
        max_fds: match limits.max_open_files.soft_limit {
            LimitValue::Value(most) => Some(most),
            LimitValue::Unlimited => None,
        },
    })
}
