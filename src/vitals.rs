//! What the kernel says of this process (proc_pid_stat(5)).
//!
//! Imports nothing of ours. Read by supervisor, for a scrape or an overview.

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, WithCurrentSystemInfo};

/// How the process is, as the kernel sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vitals {
    /// Time on processors, in user and in system mode.
    pub cpu_seconds: f64,
    /// When the process began, since 1970.
    pub start_seconds: f64,
    /// Open descriptors.
    pub descriptors: u64,
    /// The most there can be.
    pub descriptor_limit: u64,
    /// Memory that is resident.
    pub resident_bytes: u64,
    /// Address space.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
}

impl Vitals {
    /// Reads them; none where there is no `/proc`, or it cannot be read.
    #[must_use]
    pub fn read() -> Option<Self> {
        read().ok()
    }
}

fn read() -> ProcResult<Vitals> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = seconds(procfs::ticks_per_second());
    let limit = match process.limits()?.max_open_files.soft_limit {
        LimitValue::Value(limit) => limit,
        LimitValue::Unlimited => u64::MAX,
    };
    Ok(Vitals {
        cpu_seconds: seconds(stat.utime + stat.stime) / ticks,
        start_seconds: seconds(procfs::boot_time_secs()?) + seconds(stat.starttime) / ticks,
        descriptors: process.fd_count()? as u64,
        descriptor_limit: limit,
        resident_bytes: stat.rss_bytes().get(),
        virtual_bytes: stat.vsize,
        threads: u64::try_from(stat.num_threads).unwrap_or_default(),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53 ticks, which no machine lives to see"
)]
const fn seconds(ticks: u64) -> f64 {
    ticks as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_this_process() {
        let before = Vitals::read().unwrap();
        let files: Vec<_> = (0..100)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let after = Vitals::read().unwrap();
        // Other tests of this process open and close some meanwhile.
        assert!(
            after.descriptors > before.descriptors + 50,
            "{before:?} {after:?}"
        );
        assert!(after.descriptors <= after.descriptor_limit);
        assert!(after.cpu_seconds >= before.cpu_seconds);
        assert!(after.resident_bytes > 1 << 20 && after.virtual_bytes > after.resident_bytes);
        let now = std::time::SystemTime::now();
        let now = now
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        assert!(after.start_seconds > now - 86_400.0 && after.start_seconds <= now + 2.0);
        assert!(after.threads >= 1);
        drop(files);
    }
}
