//! How much of the machine this process uses, as Feast's server tells it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tokio::time::Instant;

/// Linux counts the time of processes in hundredths of a second, whatever the machine.
const TICK: Duration = Duration::from_millis(10);

/// Measures the share of the processors between two looks.
#[derive(Debug)]
pub(crate) struct ProcessUsage {
    last: Mutex<(Instant, Option<Duration>)>,
}

impl ProcessUsage {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new((Instant::now(), processor_time())) }
    }

    /// Sets the gauges: percent of one processor since the last look, percent of the machine's memory.
    /// Where the system does not tell, there is no gauge.
    pub(crate) fn set_gauges(&self) {
        let now = (Instant::now(), processor_time());
        let last = std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), now);
        let elapsed = now.0.duration_since(last.0).as_secs_f64();
        if let (Some(used), Some(used_before)) = (now.1, last.1)
            && elapsed > 0.0
        {
            let used = used.saturating_sub(used_before).as_secs_f64();
            gauge!("feast_feature_server_cpu_usage").set(100.0 * used / elapsed);
        }
        if let Some(percent) = memory_percent() {
            gauge!("feast_feature_server_memory_usage").set(percent);
        }
    }
}

/// The processor time of this process since its start.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    parse_processor_time(&text)
}

/// The sum of fields 14 and 15 of `/proc/self/stat`, in ticks.
fn parse_processor_time(text: &str) -> Option<Duration> {
    // The second field is the name of the command, in which anything may stand.
    let (_, after_name) = text.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11);
    let mut next = || times.next()?.parse::<u32>().ok();
    Some(TICK * next()?.saturating_add(next()?))
}

fn memory_percent() -> Option<f64> {
    let used = kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")?;
    let total = kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    (total > 0).then(|| 100.0 * f64::from(used) / f64::from(total))
}

fn kilobytes(text: &str, name: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name_of_a_command() {
        let text = "12 (a) b (c)) S 1 12 12 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 5 0 100 1 1 1";
        assert_eq!(parse_processor_time(text), Some(Duration::from_secs(3)));
        assert_eq!(parse_processor_time("nonsense"), None);
        assert_eq!(kilobytes("Name: x\nVmRSS:\t  1024 kB\n", "VmRSS:"), Some(1024));
    }
}
