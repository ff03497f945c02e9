//! The two servers as processes: how they are started, and what they have used.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use e2e::Server;
use e2e::server::Options;

/// The variables in which both servers differ from the default configuration. Requests are counted as always, but the limits are so high that
/// no measurement reaches them. The URL is a part of every token.
pub const VARIABLES: [(&str, &str); 4] = [
    ("file_quota_bytes", "100000000000"),
    ("limit_api", "700000/604800s"),
    ("limit_login", "100000/86400s"),
    ("public_url", "http://localhost:3000"),
];

/// Says in a line how the measured servers differ from the default configuration.
pub fn changes() -> String {
    let variables = VARIABLES.map(|(name, value)| format!("{name}={value}"));
    format!("changed from the defaults: {}, no access log", variables.join(" "))
}

/// What both servers prove themselves with to the provider of `relay`.
pub const PROVIDER_KEY: &str = "sk-of-bench";

/// The kernel counts CPU time for user space in hundredths of a second, on every architecture (`USER_HZ`, time(7)).
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    Native,
    Host,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Native, Self::Host];

    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Host => "host",
        }
    }

    /// How this server is started on `state`, the database and the master key that [`crate::seed`] made.
    pub fn options(self, state: &Path) -> Result<Options> {
        let options = match self {
            // The native server writes no access log, so neither does the host.
            Self::Host => Options::new(state).environment("RUST_LOG", "warn"),
            Self::Native => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["native", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state);
                Options::program(command)
            }
        };
        Ok(VARIABLES.iter().fold(options, |options, (name, value)| options.variable(name, value)))
    }
}

/// What a process has used since it began.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// In user space and in the kernel together.
    pub cpu: Duration,
    /// The resident set, in KiB, and the largest so far.
    pub memory: u64,
    pub memory_peak: u64,
}

/// What all processors of the machine have done since it began.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    idle: Duration,
    all: Duration,
}

/// What the machine's time went to.
#[derive(Debug, Clone, Copy)]
pub struct Shares {
    pub idle: f64,
    /// Programs that are none of the measurement.
    pub others: f64,
}

impl Usage {
    pub fn of(server: &Server) -> Result<Self> {
        Self::of_process(server.id())
    }

    /// What this process has used.
    pub fn own() -> Result<Self> {
        Self::of_process(std::process::id())
    }

    fn of_process(id: u32) -> Result<Self> {
        let folder = Path::new("/proc").join(id.to_string());
        let stat = std::fs::read_to_string(folder.join("stat"))?;
        let status = std::fs::read_to_string(folder.join("status"))?;
        Ok(Self {
            cpu: cpu(&stat).context("/proc/PID/stat has another form than proc(5) says")?,
            memory: memory(&status, "VmRSS:").context("/proc/PID/status has no VmRSS")?,
            memory_peak: memory(&status, "VmHWM:").context("/proc/PID/status has no VmHWM")?,
        })
    }
}

impl Machine {
    pub fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        machine(&stat).context("/proc/stat has another form than proc_stat(5) says")
    }

    /// What its time went to since then, if the programs that belong to the measurement have used this much of it.
    pub fn shares_since(&self, before: &Self, own: Duration) -> Shares {
        let (idle, all) =
            (self.idle.saturating_sub(before.idle), self.all.saturating_sub(before.all));
        let others = all.saturating_sub(idle).saturating_sub(own);
        let share = |of: Duration| of.as_secs_f64() / all.as_secs_f64();
        Shares { idle: share(idle), others: share(others) }
    }
}

/// The first line: `user`, `nice`, `system`, `idle`, `iowait`, `irq`, `softirq`, `steal`. What follows is in `user` already.
fn machine(stat: &str) -> Option<Machine> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
    let times: Option<Vec<Duration>> =
        fields.map(|field| Some(TICK * field.parse::<u32>().ok()?)).collect();
    let times = times?;
    let idle = *times.get(3)? + *times.get(4)?;
    Some(Machine { idle, all: times.iter().sum() })
}

/// Fields 14 and 15, `utime` and `stime`. The name in field 2 may hold anything but ends with the last parenthesis.
fn cpu(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * (user + system))
}

fn memory(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How often a server waited for the disk, as `strace -c` counted it into this file: calls of fsync and fdatasync.
pub fn waits(summary: &str) -> u64 {
    summary
        .lines()
        .filter(|line| line.ends_with("fsync") || line.ends_with("fdatasync"))
        .filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 120 34 5 6 20 0 1 0 9 1000 50 18";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1540)));
        assert_eq!(cpu("7 (a) S"), None);
        assert_eq!(memory("Name:\ta\nVmHWM:\t   5120 kB\n", "VmHWM:"), Some(5120));
    }

    #[test]
    fn what_the_machine_did_is_divided() {
        let before =
            machine("cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n").unwrap();
        let after = machine("cpu  130 10 120 1030 10 0 0 0 0 0\n").unwrap();
        let Shares { idle, others } = after.shares_since(&before, Duration::from_millis(400));
        assert!((idle - 0.4).abs() < 1e-9 && (others - 0.2).abs() < 1e-9, "{idle} {others}");
        assert!(machine("intr 1 2").is_none());
    }

    #[test]
    fn what_strace_counted_is_added_up() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n\
                       ------ ----------- ----------- --------- --------- ----------------\n\
                       99.00    1.000000         100       812           fdatasync\n\
                       1.00    0.010000         100         3         1 fsync\n\
                       ------ ----------- ----------- --------- --------- ----------------\n\
                       100.00    1.010000         100       815         1 total\n";
        assert_eq!(waits(summary), 815);
    }
}
