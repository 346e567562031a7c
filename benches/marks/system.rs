//! What the kernel says of processes and the machine. Linux only; elsewhere there are no such figures.

use std::collections::HashMap;
use std::fs::read_to_string;
use std::path::Path;

/// Ticks a second in `/proc/PID/stat`, fixed for user space on Linux.
const TICKS: f64 = 100.0;

/// Processor time of all children that were waited for, and theirs, ms. Kept exactly by the kernel, shown in steps of 10 ms: take
/// differences over many runs.
pub fn children_cpu() -> f64 {
    let fields = stat("self");
    (fields.get(12).unwrap_or(&0.0) + fields.get(13).unwrap_or(&0.0)) * 1e3 / TICKS
}

/// The numbers of a `stat` line behind the name, from the parent's id (0) on.
fn stat(pid: &str) -> Vec<f64> {
    let text = read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    // State, then the parent.
    rest.split_ascii_whitespace().skip(1).map(|n| n.parse().unwrap_or(0.0)).collect()
}

/// A process and all below it.
pub fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let parent = stat(&pid.to_string()).first().map_or(0, |p| *p as u32);
        children.entry(parent).or_default().push(pid);
    }
    let mut all = vec![root];
    let mut at = 0;
    while let Some(pid) = all.get(at).copied() {
        all.extend(children.get(&pid).into_iter().flatten());
        at += 1;
    }
    all
}

/// Processor time of a tree so far, those that have ended included, ms.
pub fn tree_cpu(root: u32) -> f64 {
    let of = |pid: &u32| stat(&pid.to_string()).iter().skip(10).take(4).sum::<f64>();
    tree(root).iter().map(of).sum::<f64>() * 1e3 / TICKS
}

/// Memory of one process, or of many.
#[derive(Default, Clone, Copy)]
pub struct Memory {
    /// Anonymous, MiB.
    pub anonymous: f64,
    /// Proportional set size, MiB.
    pub pss: f64,
    /// Threads.
    pub threads: f64,
    /// Processes whose memory nobody shows us.
    pub hidden: usize,
    pub processes: usize,
}

/// Memory of one process.
pub fn memory(pid: u32) -> Memory {
    let text = read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or("0");
        line.split_ascii_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    Memory {
        anonymous: value(&text, "Anonymous:") / 1024.0,
        pss: value(&text, "Pss:") / 1024.0,
        threads: value(&status, "Threads:"),
        hidden: usize::from(text.is_empty()),
        processes: 1,
    }
}

/// Memory of all these trees.
pub fn trees_memory(roots: &[u32]) -> Memory {
    let all = roots.iter().flat_map(|&root| tree(root));
    all.map(memory).fold(Memory::default(), |a, b| Memory {
        anonymous: a.anonymous + b.anonymous,
        pss: a.pss + b.pss,
        threads: a.threads + b.threads,
        hidden: a.hidden + b.hidden,
        processes: a.processes + b.processes,
    })
}

/// Arguments of a process, for people.
pub fn name(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = line.split(|&b| b == 0).take(2).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    let program = Path::new(&words[0]).file_name().map_or(String::new(), |n| n.to_string_lossy().into_owned());
    format!("{program} {}", words.get(1).map_or("", String::as_str)).trim_end().to_owned()
}

/// What the figures were taken on.
pub fn machine(base: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    let base = base.canonicalize().unwrap_or_else(|_| base.to_owned());
    let mounts = read_to_string("/proc/self/mounts").unwrap_or_default();
    let on = mounts.lines().filter_map(|l| {
        let words: Vec<&str> = l.split(' ').collect();
        base.starts_with(words.get(1)?).then(|| (words[1].len(), words[2].to_owned()))
    });
    let system = on.max_by_key(|(depth, _)| *depth).map_or_else(|| "unknown".to_owned(), |(_, s)| s);
    format!("{cores} cores, load {load}, sessions on {system}")
}
