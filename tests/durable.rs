//! Power cuts, faults of single system calls, damaged logs, and limits: what was acknowledged is there afterwards, and whatever is
//! not as the log wrote it is said in one clear line. Kills, rivals and full disks under a whole run stand elsewhere.

mod corruption;
mod disks;
pub mod faults;
mod limits;
mod power;

/// A number that a variable may raise: `small` on a desk, `full` in CI.
pub fn number(variable: &str, small: usize, full: usize) -> usize {
    let default = if is_ci() { full } else { small };
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|v| !v.is_empty())
}

/// What a battery lacks.
#[derive(Debug)]
pub enum Lack {
    /// Root, or a program that can be installed.
    Curable(String),
    /// The kernel cannot do it.
    Kernel(String),
}

/// Says that a battery did not run. In CI only what the kernel lacks is an excuse.
#[track_caller]
pub fn skip(battery: &str, lack: &Lack) {
    let (Lack::Curable(why) | Lack::Kernel(why)) = lack;
    println!("SKIPPED({battery}: {why})");
    assert!(!is_ci() || matches!(lack, Lack::Kernel(_)), "SKIPPED({battery}: {why}): CI can do better");
}

/// 12345 as 12,345.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[test]
pub fn numbers_are_grouped() {
    assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
